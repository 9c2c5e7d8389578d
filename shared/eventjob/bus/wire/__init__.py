"""NATS itself: connections, frames, pulls and direct gets."""
