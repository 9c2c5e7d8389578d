"""Small blobs written together: those that arrive while a write is under way are the next one."""

import asyncio
from collections.abc import Sequence

from eventjob.artifacts.disk import Blob, Folder


class Together:
    """Writes blobs to a folder, one thread's turn for all that wait."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self._waiting: list[tuple[Sequence[Blob], asyncio.Future[None]]] = []
        self._writing: asyncio.Task[None] | None = None

    async def keep(self, blobs: Sequence[Blob]) -> None:
        """Returns when all are stored; fails where any that were written with them did.

        Raises:
            OSError, BaseError: the disk is full, or does not work.
        """
        stored = asyncio.get_running_loop().create_future()
        self._waiting.append((blobs, stored))
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write())
        await stored

    async def _write(self) -> None:
        while self._waiting:
            written, self._waiting = self._waiting, []
            blobs = [blob for some, _ in written for blob in some]
            writing = asyncio.get_running_loop().run_in_executor(None, self._folder.keep, blobs)
            await asyncio.wait([writing])
            for _, stored in written:
                if stored.done():  # its caller was cancelled
                    continue
                if error := writing.exception():
                    stored.set_exception(error)
                else:
                    stored.set_result(None)
