"""What lasts on the bus, made before a service starts: by another process, to spare memory here."""

import asyncio
import sys
from collections.abc import Mapping
from pathlib import Path

from eventjob.runtime.lifecycle import CannotStart


def command(name: str) -> tuple[str, ...]:
    """How a command of eventjob is started.

    Raises:
        CannotStart: eventjob is not installed.
    """
    script = Path(sys.executable).with_name("eventjob")
    if not script.exists():
        raise CannotStart(f"the eventjob command is not installed: {script} is not there")
    return (sys.executable, str(script), name)


async def provision(environ: Mapping[str, str]) -> None:
    """Returns once `eventjob provision` has ended.

    Raises:
        CannotStart: it could not do its work, and has said why.
    """
    process = await asyncio.create_subprocess_exec(
        *command("provision"),
        env={**environ, "EVENTJOB_PARENT_PIPE": ""},  # it ends by itself
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        code = await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
    if code:
        raise CannotStart("what lasts on the bus could not be made")
