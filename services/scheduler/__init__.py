"""The scheduler: the only one that decides, and the only writer of events and tasks."""
