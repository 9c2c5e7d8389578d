"""URL paths that more than one service knows."""

BASE_PATH = "/api/event-job"
