"""Write a response body to a file within its limits, decoded, counted and hashed."""

import hashlib
from collections.abc import AsyncIterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO

import msgspec

from eventjob.fetch.caps import MEGABYTE, FetchCaps
from eventjob.fetch.decode import Undecodable, make_decoder
from eventjob.fetch.errors import FetchFailed

_UNCHECKED_BYTES = MEGABYTE  # a small body may have any compression ratio


class StoredBody(msgspec.Struct, frozen=True):
    """A complete body in a file."""

    path: Path
    size_bytes: int
    sha256: str


async def store_body(
    raw: AsyncIterable[bytes], coding: str, *, caps: FetchCaps, directory: Path, host: str
) -> StoredBody:
    """Write the whole body to a new file in ``directory``; on failure the file is removed.

    Raises:
        FetchFailed: ``too_large``, ``wrong_type`` (a coding other than gzip and deflate, or
            broken data), ``connect_failed`` (the body ends early).
    """
    try:
        reader = BodyReader(coding, caps, host)
        with open_body_file(directory) as file:
            async for chunk in raw:
                for piece in reader.feed(chunk):
                    file.write(piece)
            reader.finish()
    except Undecodable as error:
        raise FetchFailed("wrong_type", f"{host} sent {error}") from error
    return StoredBody(Path(file.name), reader.size_bytes, reader.sha256)


@contextmanager
def open_body_file(directory: Path) -> Iterator[IO[bytes]]:
    """Open a new file in ``directory``, and delete it if the block fails."""
    with NamedTemporaryFile(dir=directory, prefix="fetch-", delete=False) as file:
        try:
            yield file
            file.flush()  # a full disk raises here, inside the clean-up
        except BaseException:  # also when cancelled: only this block knows the file
            Path(file.name).unlink()
            raise


class BodyReader:
    """Decodes a body chunk by chunk, and raises at the first byte over a limit."""

    def __init__(self, coding: str, caps: FetchCaps, host: str) -> None:
        self.size_bytes = 0
        self._raw_bytes = 0
        self._digest = hashlib.sha256()
        self._decoder = make_decoder(coding)
        self._caps = caps
        self._host = host

    @property
    def sha256(self) -> str:
        """SHA-256 of the decoded bytes so far, in hex."""
        return self._digest.hexdigest()

    def feed(self, raw: bytes) -> Iterator[bytes]:
        """Yield the decoded pieces of ``raw``."""
        self._raw_bytes += len(raw)
        if self._raw_bytes > self._caps.max_raw_bytes:
            raise too_large_error(self._host, self._caps.max_raw_bytes)
        for piece in self._decoder.feed(raw):
            self._check_sizes(piece)
            yield piece

    def finish(self) -> None:
        """Check that the body is complete; call it at the end of the connection."""
        if not self._decoder.is_finished():
            detail = f"{self._host} ended its answer after {self._raw_bytes} bytes, too early"
            raise FetchFailed("connect_failed", detail, transient=True)

    def _check_sizes(self, piece: bytes) -> None:
        self.size_bytes += len(piece)
        if self.size_bytes > self._caps.max_bytes:
            raise too_large_error(self._host, self._caps.max_bytes)
        if self.size_bytes > max(_UNCHECKED_BYTES, self._raw_bytes * self._caps.ratio):  # a bomb
            detail = f"{self._host} sent a body that unpacks to more than {self._caps.ratio} times"
            raise FetchFailed("too_large", f"{detail} its size")
        self._digest.update(piece)


def too_large_error(host: str, limit_bytes: int) -> FetchFailed:
    """The body exceeds a size limit."""
    return FetchFailed("too_large", f"{host} sent more than {limit_bytes / MEGABYTE:g} MB")
