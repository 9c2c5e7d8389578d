"""Compose a session's facts and texts into one Markdown file."""
