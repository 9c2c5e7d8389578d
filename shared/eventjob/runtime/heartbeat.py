"""A file whose age tells whoever watches a process that its event loop still turns."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from eventjob.runtime.tasks import end

EVERY_S = 2.0


@asynccontextmanager
async def beating(file: Path | None) -> AsyncIterator[None]:
    """``file`` is touched every 2 s inside the context; where there is none, nothing happens.

    Raises:
        OSError: the file cannot be written.
    """
    if file is None:
        yield
        return
    file.touch()  # noqa: ASYNC240 - microseconds
    task = asyncio.create_task(_beat(file))
    try:
        yield
    finally:
        await end(task)


async def _beat(file: Path) -> None:
    while True:
        await asyncio.sleep(EVERY_S)
        file.touch()  # noqa: ASYNC240 - the same; a full disk does not prevent it
