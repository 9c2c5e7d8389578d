"""A body on its way from the wire into a file: unpacked, counted, hashed."""

import hashlib
from collections.abc import AsyncIterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO

import msgspec

from eventjob.fetch.caps import MEGABYTE, FetchCaps
from eventjob.fetch.decode import Undecodable, decoder
from eventjob.fetch.errors import FetchFailed

_HARMLESS_BYTES = MEGABYTE  # below it a body may be packed as well as it likes


class StoredBody(msgspec.Struct, frozen=True):
    """A body that came in whole."""

    path: Path
    size_bytes: int
    sha256: str


async def store(
    raw: AsyncIterable[bytes], coding: str, *, caps: FetchCaps, directory: Path, host: str
) -> StoredBody:
    """The whole body in a new file in ``directory``; no file where it cannot be had whole.

    Raises:
        FetchFailed: ``too_large``, ``wrong_type`` (another coding than gzip and deflate, or
            broken), ``connect_failed`` (it ends early).
    """
    try:
        intake = BodyReader(coding, caps, host)
        with kept_if_whole(directory) as file:
            async for chunk in raw:
                for piece in intake.take(chunk):
                    file.write(piece)
            intake.end()
    except Undecodable as error:
        raise FetchFailed("wrong_type", f"{host} sent {error}") from error
    return StoredBody(Path(file.name), intake.size_bytes, intake.sha256)


@contextmanager
def kept_if_whole(directory: Path) -> Iterator[IO[bytes]]:
    """A new file in ``directory``, which is removed again where the block fails."""
    with NamedTemporaryFile(dir=directory, prefix="fetch-", delete=False) as file:
        try:
            yield file
            file.flush()  # a full disk shows here
        except BaseException:  # also when cancelled: nobody else knows the file
            Path(file.name).unlink()
            raise


class BodyReader:
    """Unpacks what comes, and stops it at the first byte that is too many."""

    def __init__(self, coding: str, caps: FetchCaps, host: str) -> None:
        self.size_bytes = 0
        self._raw_bytes = 0
        self._digest = hashlib.sha256()
        self._decoder = decoder(coding)
        self._caps = caps
        self._host = host

    @property
    def sha256(self) -> str:
        """Of all that was unpacked so far, in hex."""
        return self._digest.hexdigest()

    def take(self, raw: bytes) -> Iterator[bytes]:
        """What ``raw`` unpacks to."""
        self._raw_bytes += len(raw)
        if self._raw_bytes > self._caps.max_raw_bytes:
            raise too_large(self._host, self._caps.max_raw_bytes)
        for piece in self._decoder.feed(raw):
            self._count(piece)
            yield piece

    def end(self) -> None:
        """The connection says that this was all."""
        if not self._decoder.finished():
            detail = f"{self._host} ended its answer after {self._raw_bytes} bytes, too early"
            raise FetchFailed("connect_failed", detail, transient=True)

    def _count(self, piece: bytes) -> None:
        self.size_bytes += len(piece)
        if self.size_bytes > self._caps.max_bytes:
            raise too_large(self._host, self._caps.max_bytes)
        if self.size_bytes > max(_HARMLESS_BYTES, self._raw_bytes * self._caps.ratio):
            detail = f"{self._host} sent a body that unpacks to more than {self._caps.ratio} times"
            raise FetchFailed("too_large", f"{detail} its size")
        self._digest.update(piece)


def too_large(host: str, limit_bytes: int) -> FetchFailed:
    """The answer is longer than anything we want to have."""
    return FetchFailed("too_large", f"{host} sent more than {limit_bytes / MEGABYTE:g} MB")
