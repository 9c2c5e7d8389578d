"""What each role does on the bus: send commands, decide, work, watch."""
