"""Fetches a session and what hangs on it, and turns it into Markdown and files."""
