"""Decisions: pure functions over messages, free of clock, chance and I/O."""
