"""What a command says on stdout: logs go to stderr."""

import sys


def say(line: str) -> None:
    """A line for whoever started this, at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
