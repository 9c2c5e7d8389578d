"""Guess a job's parameters from the address of any session page."""

import re
from urllib.parse import unquote, urlsplit

from demo import DemoFailed
from eventjob.domain.urls import check_url

TRACK = "Sessions"  # an address says nothing of tracks

_EXTENSION = re.compile(r"\.[a-z]{2,5}$", re.IGNORECASE)
_YEAR = re.compile(r"(?<![0-9])(?:19|20)[0-9]{2}(?![0-9])")


def guess_parameters(url: str) -> dict[str, object]:
    """Guess the conference from host and year, the session from the last part of the path.

    Raises:
        DemoFailed: ``url`` is no web address.
    """
    try:
        host = check_url(url)
    except ValueError as error:
        raise DemoFailed(f"--url: {error}") from None
    slug = _slug(url) or host
    return {
        "event": _conference_name(host, url),
        "session": re.sub(r"[-_+\s]+", " ", slug).strip().capitalize() or slug,
        "url": url,
        "filename": f"{slug}.md",
        "track": TRACK,
    }


def _slug(url: str) -> str:
    """Join the last part of the path and the query's values: ``talk-id-42``."""
    parts = urlsplit(url)
    last = unquote(parts.path).rstrip("/ ").rpartition("/")[2]
    query = re.split(r"[=&;]+", unquote(parts.query))
    return "-".join(filter(None, [_EXTENSION.sub("", last), *query]))


def _conference_name(host: str, url: str) -> str:
    name = host.removeprefix("www.")
    years = _YEAR.findall(unquote(urlsplit(url).path))
    return f"{name} {years[0]}" if years and years[0] not in name else name
