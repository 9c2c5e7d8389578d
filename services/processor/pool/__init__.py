"""Processes that parse untrusted input, and that can be killed."""
