"""Turn a request into a command: read, decode, validate, build."""
