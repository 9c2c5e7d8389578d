"""Processes that parse what strangers wrote, and that can be killed."""
