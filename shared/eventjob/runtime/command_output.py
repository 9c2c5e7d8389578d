"""Output of commands on stdout; logs go to stderr."""

import sys
import time

PRINT_EVERY_S = 2.0


def print_line(line: str) -> None:
    """Write a line at once, unbuffered."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def format_megabytes(size_bytes: int) -> str:
    """Format a size for people."""
    return f"{size_bytes / 1_000_000:,.1f} MB"


class CommandOutput:
    """Prints progress every 2 s at most."""

    def __init__(self) -> None:
        self._next = time.monotonic() + PRINT_EVERY_S

    def __call__(self, line: str) -> None:
        """Print the line if the last one is at least 2 s old."""
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + PRINT_EVERY_S
            print_line(line)
