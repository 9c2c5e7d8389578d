"""Messages on the bus: commands, events, tasks, reports and announcements."""
