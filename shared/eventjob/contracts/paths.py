"""URL paths that several services use."""

BASE_PATH = "/api/event-job"
