"""Find, read and match the schedules of conferences."""
