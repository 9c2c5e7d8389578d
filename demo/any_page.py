"""A job for any session page: what its address tells, and nothing more."""

import re
from urllib.parse import unquote, urlsplit

from demo import DemoFailed
from eventjob.domain.urls import check_url

TRACK = "Sessions"

_EXTENSION = re.compile(r"\.[a-z]{2,5}$", re.IGNORECASE)
_YEAR = re.compile(r"(?<![0-9])(?:19|20)[0-9]{2}(?![0-9])")


def parameters_for(url: str) -> dict[str, object]:
    """Parameters guessed from ``url``: event by its host and year, session by its last part.

    Raises:
        DemoFailed: ``url`` is no web address.
    """
    try:
        host = check_url(url)
    except ValueError as error:
        raise DemoFailed(f"--url: {error}") from None
    slug = _slug(url) or host
    return {
        "event": _event(host, url),
        "session": re.sub(r"[-_+\s]+", " ", slug).strip().capitalize() or slug,
        "url": url,
        "filename": f"{slug}.md",
        "track": TRACK,
    }


def _slug(url: str) -> str:
    """The last part of the path without extension, then what a query adds: ``talk-id-42``."""
    parts = urlsplit(url)
    last = unquote(parts.path).rstrip("/ ").rpartition("/")[2]
    query = re.split(r"[=&;]+", unquote(parts.query))
    return "-".join(filter(None, [_EXTENSION.sub("", last), *query]))


def _event(host: str, url: str) -> str:
    name = host.removeprefix("www.")
    years = _YEAR.findall(unquote(urlsplit(url).path))
    return f"{name} {years[0]}" if years and years[0] not in name else name
