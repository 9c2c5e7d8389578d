"""Streams, consumers, and the rights of each user on them."""
