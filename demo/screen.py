"""What the demo shows: lines, and a last line that is alive where there is a terminal."""

import shutil
from typing import TextIO

_BAR_CELLS = 30


class Screen:
    """Writes to ``out``; where that is no terminal, a live line is an ordinary one per change."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._alive = ""

    def say(self, text: str = "") -> None:
        """``text`` below all that is there."""
        if self._alive and self._out.isatty():
            self._write("\n")
        self._alive = ""
        self._write(f"{text}\n")

    def live(self, text: str) -> None:
        """``text`` in the place of the live line before it."""
        if text == self._alive:
            return
        self._alive = text
        if self._out.isatty():
            columns = shutil.get_terminal_size().columns
            self._write(f"\r{text[: columns - 1]}\x1b[K")
        else:
            self._write(f"{text}\n")

    def _write(self, text: str) -> None:
        self._out.write(text)
        self._out.flush()


def bar(done: float) -> str:
    """A bar, filled for ``done`` (0.0 to 1.0); full only at 1.0."""
    filled = int(done * _BAR_CELLS)
    return "█" * filled + "░" * (_BAR_CELLS - filled)


def shortened(text: str, columns: int) -> str:
    """``text`` on one line, with an ellipsis where it is cut to ``columns``."""
    line = " ".join(text.split()) if "\n" in text else text
    return line if len(line) <= columns else f"{line[: columns - 1].rstrip()}…"
