"""What is decided: pure functions over what is said, without clock, chance or I/O."""
