"""The guarded HTTP client: every request to the web goes through this package."""
