"""Why something could not be fetched."""

from datetime import timedelta


class FetchFailed(Exception):
    """The fetch ended without a usable answer, and left nothing behind.

    ``code`` is a stable name (``timeout``, ``http_404``, …). ``transient`` says whether the same
    fetch may succeed later, ``retry_after`` what the server asked to wait. ``str(error)`` is for
    people: it names host and cause, never a whole url, which may hold a token.
    """

    def __init__(
        self,
        code: str,
        detail: str,
        *,
        transient: bool = False,
        retry_after: timedelta | None = None,
    ) -> None:
        super().__init__(detail)
        self.code = code
        self.transient = transient
        self.retry_after = retry_after


def blocked(detail: str) -> FetchFailed:
    """The address is one that is never fetched."""
    return FetchFailed("blocked_address", detail)
