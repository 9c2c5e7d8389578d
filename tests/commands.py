"""Commands of eventjob, as a person types them."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

EVENTJOB = Path(sys.executable).with_name("eventjob")


def ran(environ: Mapping[str, str], *arguments: str, within_s: float = 120) -> tuple[int, str, str]:
    """The exit code of a command, what it said, and its errors."""
    done = subprocess.run(
        [str(EVENTJOB), *arguments],
        env=environ,
        capture_output=True,
        text=True,
        timeout=within_s,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr
