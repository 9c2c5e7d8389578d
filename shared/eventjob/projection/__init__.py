"""The projection: events folded into documents, and the stores that keep them."""
