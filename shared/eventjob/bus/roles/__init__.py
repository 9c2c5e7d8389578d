"""What each role does on the bus: send, decide, work, watch."""
