"""The projection in MongoDB."""
