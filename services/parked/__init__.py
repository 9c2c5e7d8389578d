"""The command for parked messages."""
