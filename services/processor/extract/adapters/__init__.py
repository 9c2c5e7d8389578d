"""Adapters for the software that conferences use, one a file."""
