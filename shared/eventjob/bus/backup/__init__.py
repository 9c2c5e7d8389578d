"""Whole streams, out of the server and back into it."""
