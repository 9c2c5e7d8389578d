"""Access to the API: keys, rate limits, and protection against foreign web pages."""
