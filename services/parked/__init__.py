"""Messages that nobody could handle: a person's look at them, and what becomes of them."""
