"""The rungs of the cascade: each reads some facts from a page."""
