"""Content-addressed storage of everything that is too big for an event."""
