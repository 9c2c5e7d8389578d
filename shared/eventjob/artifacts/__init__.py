"""Content-addressed storage of everything that is too large for an event."""
