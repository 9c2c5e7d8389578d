"""Events that have left the log, as artifacts, and the log together with them."""
