"""From a request to a command: read, decoded, checked, built."""
