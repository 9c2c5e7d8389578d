"""What a nats-server has to allow for, in the words of its configuration."""

LIMITS = """\
max_payload: 8MB
max_pending: 256MB
"""
