"""README.md and docs/*.md: their blocks of code, and how these are run as they are written.

The ``sh`` blocks of a page run in their order, in one folder, a paragraph at a time:

- one that begins with ``# 201`` is a curl, with the status of its answer;
- one that ends in ``eventjob up`` starts eventjob with the settings before it;
- anything else has to end with exit code 0.

A ``sh no-run`` block does not run: it needs containers or other servers, or repeats another page.
"""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Self

from deployment import Up

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
WITHIN_S = 120
_BLOCK = re.compile(r"^```(\w+)( no-run)?\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_UP = re.compile(r"(.*)\.venv/bin/eventjob up( 2> \S+)?")
_STATUS = re.compile(r"# (\d{3})\n")


def paragraphs(page: Path) -> list[str]:
    """What runs of ``page``, cut at empty lines."""
    blocks = [
        text for name, off, text in _BLOCK.findall(page.read_text()) if name == "sh" and not off
    ]
    return [part for block in blocks for part in block.strip().split("\n\n")]


def only(pattern: str) -> str:
    """The one place on all pages that ``pattern`` finds."""
    [found] = re.findall(
        pattern, "\n".join(page.read_text() for page in PAGES), re.DOTALL | re.MULTILINE
    )
    return str(found)


class Runner:
    """Runs paragraphs in ``folder``, beside the sample site at port ``site``."""

    def __init__(self, folder: Path, site: int, **settings: str) -> None:
        self._folder = folder
        self._site = site
        self._settings = settings
        self._up: Up | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()

    def run(self, paragraph: str) -> None:
        """Run it, and check the status of its answer, or its exit code."""
        if starts := _UP.fullmatch(paragraph):
            self._stop()
            written = dict(word.split("=", 1) for word in self._here(starts[1]).split())
            self._up = Up(self._folder, **self._settings, **written)
            self._up.start()
        elif expected := _STATUS.match(paragraph):
            command = paragraph[expected.end() :].rstrip()
            silent = "" if " -o " in command else " -o body"
            got = self._bash(f"{command}{silent} -w '%{{http_code}}'")
            answer = self._folder / "body"
            assert got == expected[1], (command, answer.exists() and answer.read_text())
        else:
            self._bash(f"set -euo pipefail\n{paragraph}")

    def _bash(self, script: str) -> str:
        environ = self._up.environ if self._up else {**os.environ, **self._settings}
        done = subprocess.run(
            ["/bin/bash", "-c", self._here(script)],
            cwd=self._folder,
            env=environ,
            capture_output=True,
            text=True,
            timeout=WITHIN_S,
            check=False,
        )
        assert done.returncode == 0, (script, done.stdout, done.stderr)
        return done.stdout

    def _here(self, written: str) -> str:
        """``written`` with this run's programs and ports."""
        port = self._up.port if self._up else 5000
        return (
            written.replace(".venv/bin", str(Path(sys.executable).parent))
            .replace("localhost:5000", f"127.0.0.1:{port}")
            .replace(":8301", f":{self._site}")
        )

    def _stop(self) -> None:
        if self._up:
            self._up.__exit__(None, None, None)
            self._up = None
