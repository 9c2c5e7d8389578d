"""What a command says on stdout: logs go to stderr."""

import sys
import time


def print_line(line: str) -> None:
    """A line for whoever started this, at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


PRINT_EVERY_S = 2.0


class CommandOutput:
    """Says every now and then how far it is."""

    def __init__(self) -> None:
        self._next = time.monotonic() + PRINT_EVERY_S

    def __call__(self, line: str) -> None:
        """Say the line, where enough time has passed since the last one."""
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + PRINT_EVERY_S
            print_line(line)


def format_megabytes(size_bytes: int) -> str:
    """A size for people."""
    return f"{size_bytes / 1_000_000:,.1f} MB"
