"""The web server and its limits."""
