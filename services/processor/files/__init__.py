"""The files of a session: fetched, recognised, and read."""
