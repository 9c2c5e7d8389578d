"""The time that the requests of one fetch may take together."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from eventjob.fetch.errors import FetchFailed


class Budget:
    """What is left of ``total``. Only time inside `spent_on` counts."""

    def __init__(self, total: timedelta) -> None:
        self._total_s = self._left_s = total.total_seconds()

    @asynccontextmanager
    async def spent_on(self, host: str) -> AsyncIterator[None]:
        """Cuts what it surrounds when nothing is left.

        Raises:
            FetchFailed: ``timeout``.
        """
        loop = asyncio.get_running_loop()
        begun = loop.time()
        try:
            async with asyncio.timeout(self._left_s):
                yield
        except TimeoutError:
            detail = f"{host} was not done within {self._total_s:g} s"
            raise FetchFailed("timeout", detail, transient=True) from None
        finally:
            self._left_s -= loop.time() - begun
