"""Delete the artifacts that no document refers to."""
