"""From documents and errors to answers."""
