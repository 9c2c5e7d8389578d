"""The projection in a SQLite file."""
