"""The api: answers HTTP requests, from commands to the scheduler and from the projection."""
