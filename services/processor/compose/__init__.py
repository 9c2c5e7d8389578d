"""A session's facts and texts, composed as one Markdown file."""
