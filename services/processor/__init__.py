"""Fetch a session and its files, and turn them into Markdown."""
