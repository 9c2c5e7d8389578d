"""Build the projection anew from the log, or compare it with the log."""
