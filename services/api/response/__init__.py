"""Turn documents and errors into responses."""
