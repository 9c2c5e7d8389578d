"""Delete the artifacts that lack a reference."""
