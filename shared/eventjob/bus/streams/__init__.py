"""Streams, consumers, and each user's permissions."""
