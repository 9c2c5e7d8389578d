"""The demo's output: lines, and one last line that changes in place on a terminal."""

import shutil
from typing import TextIO

_BAR_CELLS = 30


class Screen:
    """Writes to ``out``; off a terminal each change of the live line is a line of its own."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._live_line = ""

    def say(self, text: str = "") -> None:
        """Write ``text`` below everything else."""
        if self._live_line and self._out.isatty():
            self._write("\n")
        self._live_line = ""
        self._write(f"{text}\n")

    def update(self, text: str) -> None:
        """Replace the live line by ``text``."""
        if text == self._live_line:
            return
        self._live_line = text
        if self._out.isatty():
            columns = shutil.get_terminal_size().columns
            self._write(f"\r{text[: columns - 1]}\x1b[K")
        else:
            self._write(f"{text}\n")

    def _write(self, text: str) -> None:
        self._out.write(text)
        self._out.flush()


def format_bar(done: float) -> str:
    """Draw a bar for ``done`` (0.0 to 1.0); full only at 1.0."""
    filled = int(done * _BAR_CELLS)
    return "█" * filled + "░" * (_BAR_CELLS - filled)


def shorten(text: str, columns: int) -> str:
    """Put ``text`` on one line of at most ``columns``, with an ellipsis if it is cut."""
    line = " ".join(text.split()) if "\n" in text else text
    return line if len(line) <= columns else f"{line[: columns - 1].rstrip()}…"
