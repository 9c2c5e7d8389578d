"""The event log: append, follow and read."""
