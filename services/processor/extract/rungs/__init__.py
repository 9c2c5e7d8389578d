"""The rungs of the cascade: each knows some facts of a page."""
