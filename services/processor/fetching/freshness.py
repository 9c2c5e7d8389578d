"""How long an answer may be used again, by what its headers say: RFC 9111, for a shared cache.

It is shared by all users of a deployment. So what is `private` is not kept, and `s-maxage` counts
for us. Nothing is guessed from Last-Modified.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

Headers = Mapping[str, str]  # names in lower case

KEPT_HEADERS = (
    "age",
    "cache-control",
    "content-disposition",
    "content-language",
    "content-type",
    "date",
    "etag",
    "expires",
    "last-modified",
    "vary",
)
_OF_ITS_TIME = {"age", "date"}  # of an answer, whatever its body
_RENEWED = _OF_ITS_TIME | {"cache-control", "expires", "vary"}
_CONDITIONS = {"etag": "if-none-match", "last-modified": "if-modified-since"}
_LONGEST = timedelta(days=365)


def kept(headers: Headers) -> dict[str, str]:
    """Those of ``headers`` that an answer is remembered with."""
    return {name: headers[name] for name in KEPT_HEADERS if name in headers}


def refreshed(headers: Headers, confirmed: Headers) -> dict[str, str]:
    """``headers`` of a body, once the server has answered 304 with ``confirmed``.

    What describes the body stays: the same body always has the same description.
    """
    lasting = {name: headers[name] for name in headers if name not in _OF_ITS_TIME}
    return lasting | {name: confirmed[name] for name in _RENEWED & confirmed.keys()}


def conditions(headers: Headers) -> dict[str, str]:
    """The headers of a request that is answered with 304 while the body is the same."""
    return {condition: headers[name] for name, condition in _CONDITIONS.items() if name in headers}


def may_be_kept(headers: Headers, now: datetime) -> bool:
    """Whether the answer may be remembered, and is good for anything then.

    What it varies by does not matter, as we always ask alike; but for ``*``, which is anything.
    """
    said = _directives(headers)
    if "no-store" in said or "private" in said or "*" in headers.get("vary", ""):
        return False
    return bool(conditions(headers)) or fresh_for(headers, now) > timedelta()


def fresh_for(headers: Headers, now: datetime) -> timedelta:
    """How much longer an answer that came at ``now`` counts as new; 0 where it does not say."""
    said = _directives(headers)
    if "no-cache" in said:
        return timedelta()
    for directive in ("s-maxage", "max-age"):
        if directive in said:
            return _left(_seconds(said[directive]), headers)
    expires = _date(headers.get("expires", ""))
    if expires is None:
        return timedelta()
    return _left(expires - (_date(headers.get("date", "")) or now), headers)


def _left(lifetime: timedelta, headers: Headers) -> timedelta:
    spent = _seconds(headers.get("age", "0"))
    return max(min(lifetime, _LONGEST) - spent, timedelta())


def _directives(headers: Headers) -> dict[str, str]:
    """Cache-Control as names and arguments; of two alike, the first."""
    said: dict[str, str] = {}
    for part in headers.get("cache-control", "").split(","):
        name, _, argument = part.partition("=")
        said.setdefault(name.strip().lower(), argument.strip().strip('"'))
    return said


def _seconds(text: str) -> timedelta:
    """A count of seconds; 0 for anything else."""
    is_count = text.isascii() and text.isdecimal()
    return min(timedelta(seconds=int(text[:9])), _LONGEST) if is_count else timedelta()


def _date(text: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    return found.replace(tzinfo=found.tzinfo or UTC)
