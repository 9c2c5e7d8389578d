"""Cache-Control arithmetic (pure): RFC 9111, for a cache shared by all users.

So ``private`` responses are left out, and ``s-maxage`` counts.
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
_TIME_HEADERS = {"age", "date"}  # of a response, not of its body
_UPDATED_BY_304 = _TIME_HEADERS | {"cache-control", "expires", "vary"}
_CONDITIONS = {"etag": "if-none-match", "last-modified": "if-modified-since"}
_MAX_LIFETIME = timedelta(days=365)  # keeps dates in range


def select_headers(headers: Headers) -> dict[str, str]:
    """Return the headers that are stored with a response."""
    return {name: headers[name] for name in KEPT_HEADERS if name in headers}


def update_headers(headers: Headers, confirmed: Headers) -> dict[str, str]:
    """Update a stored body's ``headers`` by those of a 304 response."""
    lasting = {name: headers[name] for name in headers if name not in _TIME_HEADERS}
    return lasting | {name: confirmed[name] for name in _UPDATED_BY_304 & confirmed.keys()}


def conditional_headers(headers: Headers) -> dict[str, str]:
    """Return the request headers that ask for 304 if the body is unchanged."""
    return {condition: headers[name] for name, condition in _CONDITIONS.items() if name in headers}


def is_cacheable(headers: Headers, now: datetime) -> bool:
    """True if the response may be stored and would be of use."""
    directives = _parse_directives(headers)
    # Vary on named headers is harmless: all our requests are alike.
    if "no-store" in directives or "private" in directives or "*" in headers.get("vary", ""):
        return False
    return bool(conditional_headers(headers)) or remaining_lifetime(headers, now) > timedelta()


def remaining_lifetime(headers: Headers, now: datetime) -> timedelta:
    """Return how long a response that came at ``now`` stays fresh; 0 unless it says so."""
    directives = _parse_directives(headers)
    if "no-cache" in directives:
        return timedelta()
    for directive in ("s-maxage", "max-age"):
        if directive in directives:
            return _subtract_age(_parse_seconds(directives[directive]), headers)
    expires = _parse_date(headers.get("expires", ""))
    if expires is None:
        return timedelta()
    return _subtract_age(expires - (_parse_date(headers.get("date", "")) or now), headers)


def _subtract_age(lifetime: timedelta, headers: Headers) -> timedelta:
    age = _parse_seconds(headers.get("age", "0"))
    return max(min(lifetime, _MAX_LIFETIME) - age, timedelta())


def _parse_directives(headers: Headers) -> dict[str, str]:
    """Cache-Control as names and arguments; of two alike, the first."""
    directives: dict[str, str] = {}
    for part in headers.get("cache-control", "").split(","):
        name, _, argument = part.partition("=")
        directives.setdefault(name.strip().lower(), argument.strip().strip('"'))
    return directives


def _parse_seconds(text: str) -> timedelta:
    """A count of seconds; 0 for anything else."""
    is_count = text.isascii() and text.isdecimal()
    return min(timedelta(seconds=int(text[:9])), _MAX_LIFETIME) if is_count else timedelta()


def _parse_date(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    return moment.replace(tzinfo=moment.tzinfo or UTC)
