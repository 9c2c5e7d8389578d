"""Where the schedule of a page's conference is: where its software keeps it, or where it links."""

import re
from collections.abc import Iterable
from urllib.parse import urljoin, urlsplit

_FOSDEM = re.compile(r"(?P<top>.*/(?:19|20)\d\d/schedule/)event/[^/]+/?")
_PRETALX = re.compile(r"(?P<top>.*/[^/]+/)talk/[A-Z0-9]{4,10}/?")
_FRAB = re.compile(r"(?P<top>.*/)(?:events/\d+|event/[^/]+)\.html")
_SCHEDULE = re.compile(
    r".*/(?:schedule|fahrplan)(?:\.v\d)?(?:\.(?:json|xml)|/(?:xml|json))/?", re.IGNORECASE
)


def schedule_address(url: str, software: str | None, links: Iterable[str]) -> str | None:
    """The address of the schedule, if there is a sign of one.

    Args:
        url: the page's.
        software: that made the page, as its adapter is called: ``fosdem``, ``pretalx``, ``frab``.
        links: absolute addresses that the page links to or declares, the likeliest first.
    """
    path = urlsplit(url).path
    for name, pattern, place in (
        ("fosdem", _FOSDEM, "xml"),
        ("pretalx", _PRETALX, "schedule/export/schedule.json"),
        ("frab", _FRAB, "schedule.json"),
    ):
        found = pattern.fullmatch(path)
        if software == name and found:
            return urljoin(url, f"{found['top']}{place}")
    host = urlsplit(url).hostname
    schedules = [link for link in links if _is_schedule(link)]
    own = [link for link in schedules if urlsplit(link).hostname == host]
    return next(iter(own or schedules), None)


def _is_schedule(link: str) -> bool:
    return _SCHEDULE.fullmatch(urlsplit(link).path) is not None
