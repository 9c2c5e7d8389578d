"""The error of a fetch."""

from datetime import timedelta


class FetchFailed(Exception):
    """The fetch ended before a usable response; everything it wrote is removed.

    ``code`` is a stable name (``timeout``, ``http_404``, …). ``transient``: the same fetch may
    succeed later. ``retry_after``: how long the server asked to wait. ``str(error)`` names host
    and cause for people, but no whole URL, which may hold a token.
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


def blocked_address(detail: str) -> FetchFailed:
    """The URL or its address is one that is refused."""
    return FetchFailed("blocked_address", detail)
