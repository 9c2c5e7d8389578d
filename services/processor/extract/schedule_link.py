"""Find the URL of the conference's schedule, by a link or by its software's convention."""

import re
from collections.abc import Iterable
from urllib.parse import urljoin, urlsplit

_FOSDEM = re.compile(r"(?P<top>.*/(?:19|20)\d\d/schedule/)event/[^/]+/?")
_PRETALX = re.compile(r"(?P<top>.*/[^/]+/)talk/[A-Z0-9]{4,10}/?")
_FRAB = re.compile(r"(?P<top>.*/)(?:events/\d+|event/[^/]+)\.html")
_SCHEDULE = re.compile(
    r".*/(?:schedule|fahrplan)(?:\.v\d)?(?:\.(?:json|xml)|/(?:xml|json))/?", re.IGNORECASE
)


def find_schedule_url(url: str, software: str | None, links: Iterable[str]) -> str | None:
    """Return the URL of the schedule, if there is a sign of one.

    Args:
        url: the page's.
        software: the name of the page's adapter: ``fosdem``, ``pretalx``, ``frab``.
        links: absolute URLs that the page links to, the likeliest first.
    """
    schedules = [link for link in links if _is_schedule(link)]
    host = urlsplit(url).hostname
    same_host = (link for link in schedules if urlsplit(link).hostname == host)
    # A schedule on another host may be another conference's: it comes last.
    return next(same_host, None) or _conventional_url(url, software) or next(iter(schedules), None)


def _conventional_url(url: str, software: str | None) -> str | None:
    """Return the URL at which ``software`` keeps the schedule."""
    for name, pattern, place in (
        ("fosdem", _FOSDEM, "xml"),
        ("pretalx", _PRETALX, "schedule/export/schedule.json"),
        ("frab", _FRAB, "schedule.json"),
    ):
        match = pattern.fullmatch(urlsplit(url).path)
        if software == name and match:
            return urljoin(url, f"{match['top']}{place}")
    return None


def _is_schedule(link: str) -> bool:
    return _SCHEDULE.fullmatch(urlsplit(link).path) is not None
