"""Decode, parse and walk through a page."""
