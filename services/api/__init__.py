"""The api: answers HTTP requests from the projection, and the projector that keeps it."""
