"""Limits of one fetch: bytes, time, redirects and compression ratio."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import msgspec

from eventjob.fetch.errors import FetchFailed

MEGABYTE = 1024 * 1024


class FetchCaps(msgspec.Struct, frozen=True, kw_only=True):
    """The limits of one fetch, its redirects included.

    ``max_raw_bytes`` counts bytes on the wire, ``max_bytes`` decoded bytes; ``ratio`` is the
    largest allowed quotient of the two. ``total`` counts request time, without waits at the gate.
    """

    max_bytes: int
    max_raw_bytes: int
    connect: timedelta = timedelta(seconds=5)
    read: timedelta = timedelta(seconds=10)
    total: timedelta = timedelta(seconds=60)
    redirects: int = 5
    ratio: int = 100


PAGE = FetchCaps(max_bytes=5 * MEGABYTE, max_raw_bytes=5 * MEGABYTE)
IMAGE = FetchCaps(max_bytes=10 * MEGABYTE, max_raw_bytes=10 * MEGABYTE)
FILE = FetchCaps(
    max_bytes=100 * MEGABYTE, max_raw_bytes=100 * MEGABYTE, total=timedelta(minutes=10)
)


class Budget:
    """The time left of ``total``; only time spent inside `limit` counts."""

    def __init__(self, total: timedelta) -> None:
        self._total_s = self._left_s = total.total_seconds()

    @asynccontextmanager
    async def limit(self, host: str) -> AsyncIterator[None]:
        """Run the block within the time left.

        Raises:
            FetchFailed: ``timeout``.
        """
        loop = asyncio.get_running_loop()
        started_s = loop.time()
        try:
            async with asyncio.timeout(self._left_s):
                yield  # a gate's waits stay outside: politeness must cost no budget
        except TimeoutError:
            detail = f"{host} was not done within {self._total_s:g} s"
            raise FetchFailed("timeout", detail, transient=True) from None
        finally:
            self._left_s -= loop.time() - started_s
