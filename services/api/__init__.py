"""The api: turns HTTP requests into commands, and documents into responses."""
