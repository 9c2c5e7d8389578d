"""The message bus: the only package that knows NATS."""
