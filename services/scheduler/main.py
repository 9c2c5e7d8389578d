"""The scheduler as a process: sessions, one after the other, until it is told to stop."""
