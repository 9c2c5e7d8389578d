"""Check the form of a web address; the fetch checks where it leads."""

import re
from ipaddress import IPv6Address
from urllib.parse import SplitResult, urlsplit

MAX_URL_LENGTH = 2048

_LONGEST_HOST = 253  # RFC 1035, as text
_NEVER_IN_URL = re.compile(r"[\\\s\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_BRACKETED = re.compile(r"\[([0-9a-f:.]+)\](?::[0-9]*)?", re.IGNORECASE)
_LABEL = re.compile(r"(?:[a-z0-9_-]|[^\x00-\x7f]){1,63}", re.IGNORECASE)


def check_url(url: str) -> str:
    """Return the bare host of a well-formed ``url``, in lower case.

    Well-formed: http or https, a host, at most 2,048 characters, no user info, spaces or controls.

    Raises:
        ValueError: says what is wrong, without repeating a possible password.
    """
    if len(url) > MAX_URL_LENGTH:
        raise ValueError(f"the url has {len(url)} characters, at most {MAX_URL_LENGTH} are allowed")
    if _NEVER_IN_URL.search(url):
        raise ValueError("the url has a space, a control character or a backslash in it")
    parts = _split(url)
    if parts.scheme not in {"http", "https"}:
        raise ValueError(f"the url starts with {parts.scheme[:20]!r} instead of http or https")
    if "@" in parts.netloc:
        raise ValueError("the url has user info in it (a name or password before an @)")
    host = parts.hostname or ""
    if not (_is_address(parts.netloc) if "[" in parts.netloc else _is_name(host)):
        raise ValueError(f"the url has {host[:60]!r} where a host is expected")
    return host


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ValueError("the url has a host or port that cannot be read") from None
    if port == 0:
        raise ValueError("the url has port 0")
    return parts


def _is_address(authority: str) -> bool:
    """Match an IPv6 address in brackets, perhaps with a port; refuse a zone (``%eth0``)."""
    found = _BRACKETED.fullmatch(authority)
    try:
        return found is not None and IPv6Address(found[1]).scope_id is None
    except ValueError:
        return False


def _is_name(host: str) -> bool:
    """Match a host name or an IPv4 address."""
    labels = host.removesuffix(".").split(".")
    return len(host) <= _LONGEST_HOST and all(_LABEL.fullmatch(label) for label in labels)
