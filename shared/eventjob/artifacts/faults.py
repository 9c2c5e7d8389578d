"""Errors of the artifact store, the same for all backends."""

from collections.abc import Iterator
from contextlib import contextmanager

from obstore.exceptions import BaseError


class ArtifactMissing(Exception):
    """The store lacks the blob."""


class ArtifactCorrupt(ArtifactMissing):
    """The blob exists, but its bytes have changed."""


class ArtifactsUnavailable(Exception):
    """The store fails: disk full, credentials missing, host away. A later try may succeed.

    The text is for logs only: it may name folders and hosts.
    """


@contextmanager
def translate_store_errors() -> Iterator[None]:
    """Raise errors of the store as `ArtifactsUnavailable`."""
    try:
        yield
    except (BaseError, OSError) as error:
        raise ArtifactsUnavailable(first_line(error)) from error


@contextmanager
def translate_read_errors(sha256: str) -> Iterator[None]:
    """Do the same, and raise `ArtifactMissing` for a missing blob."""
    with translate_store_errors():
        try:
            yield
        except FileNotFoundError as error:
            raise ArtifactMissing(f"there is no artifact {sha256}") from error


def first_line(error: Exception) -> str:
    """Return the first line of an error; a dump of obstore's internals follows it."""
    return str(error).partition("\n")[0]
