"""A page: decoded, parsed, and walked through."""
