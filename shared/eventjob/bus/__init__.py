"""The message bus: the only place that knows NATS."""
