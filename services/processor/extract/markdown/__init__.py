"""Convert the text of a page to Markdown."""
