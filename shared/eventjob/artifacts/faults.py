"""How a store of blobs can fail, whatever stands behind it."""

from collections.abc import Iterator
from contextlib import contextmanager

from obstore.exceptions import BaseError


class ArtifactMissing(Exception):
    """There is no such blob."""


class ArtifactCorrupt(ArtifactMissing):
    """The blob is there, but its bytes are not those that were stored."""


class ArtifactsUnavailable(Exception):
    """The store itself fails: disk full, no credentials, host away. Worth another try later.

    The text is for logs: it may name folders and hosts.
    """


@contextmanager
def translate_store_errors() -> Iterator[None]:
    """What the store says, as `ArtifactsUnavailable`."""
    try:
        yield
    except (BaseError, OSError) as error:
        raise ArtifactsUnavailable(first_line(error)) from error


@contextmanager
def translate_read_errors(sha256: str) -> Iterator[None]:
    """The same; what is not there is `ArtifactMissing`."""
    with translate_store_errors():
        try:
            yield
        except FileNotFoundError as error:
            raise ArtifactMissing(f"there is no artifact {sha256}") from error


def first_line(error: Exception) -> str:
    """Obstore's messages go on with a dump of its internals."""
    return str(error).partition("\n")[0]
