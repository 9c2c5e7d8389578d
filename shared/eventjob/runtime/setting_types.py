"""What the text of a setting must look like; a ValueError says what was expected."""

import os
import re
import stat
from datetime import timedelta
from ipaddress import ip_address, ip_network
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

import msgspec

_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_HOST_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*", re.IGNORECASE)
_IN_COMMENT = r"[!-'*-?A-~]"  # RFC 9110: the User-Agent carries it in brackets
_CONTACT = re.compile(rf"https?://{_IN_COMMENT}+|{_IN_COMMENT}+@{_IN_COMMENT}+")
_ALLOWANCE = re.compile(
    r"(?:\[(?P<v6>[0-9a-f:.]+)\]|(?P<v4>[0-9.]+))(?P<prefix>/[0-9]+)?:(?P<port>[0-9]{1,5})",
    re.IGNORECASE,
)
_MONGODB = re.compile(  # several hosts are separated by commas
    r"mongodb(?:\+srv)?://(?:[^@/?#]+@)?[^@/?#]+/(?!(?:admin|config|local)\b)[\w-]{1,63}(?:\?[^#]*)?",
    re.ASCII,
)
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
MAX_DAYS = 36_500
_PORTS = range(1, 65_536)


def parse_host(text: str) -> str:
    """An address to listen at, or a name that has one."""
    if not _is_address(text) and not _HOST_NAME.fullmatch(text):
        raise ValueError("an IP address or a host name")
    return text


def parse_days(text: str, least: int = 1) -> timedelta:
    """A number of days, up to a hundred years."""
    if not text.isascii() or not text.isdigit() or not least <= int(text[:6]) <= MAX_DAYS:
        raise ValueError(f"a whole number of days, {least} to {MAX_DAYS}")
    return timedelta(days=int(text))


def parse_nats_url(text: str) -> str:
    """One server, or several separated by commas; user and password have settings of their own."""
    for server in text.split(","):
        parts = _split(server.strip())
        if parts is None or parts.scheme not in {"nats", "tls"} or not parts.hostname:
            raise ValueError("nats://host:port or tls://host:port, several separated by commas")
        if "@" in parts.netloc:
            raise ValueError("no user in it, but EVENTJOB_NATS_USER and EVENTJOB_NATS_PASSWORD")
    return text


def parse_store_url(text: str) -> str:
    """Where the projection is kept."""
    parts = _split(text)
    is_file = (
        parts is not None and parts.scheme == "sqlite" and not parts.netloc and len(parts.path) > 1
    )
    if not is_file and not _MONGODB.fullmatch(text):
        raise ValueError("sqlite:///absolute/path or mongodb://host/database")
    return text


def read_store_url_file(text: str) -> str:
    """The same, from a file that holds nothing else; what is in it is never shown."""
    try:
        return parse_store_url(parse_existing_file(text).read_text().strip())
    except (OSError, ValueError):
        raise ValueError(
            "the path of a readable file, with sqlite:///absolute/path or mongodb://host/database"
        ) from None


def parse_artifacts_url(text: str) -> str:
    """Where the artifacts are kept."""
    parts = _split(text)
    is_folder = parts is not None and parts.scheme == "file" and not parts.netloc and parts.path
    is_bucket = parts is not None and parts.scheme == "s3" and parts.netloc
    if not is_folder and not is_bucket:
        raise ValueError("file:///absolute/folder or s3://bucket/prefix")
    if is_bucket and "@" in text:
        raise ValueError("no user in it, but AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
    return text


def parse_contact(text: str) -> str:
    """Whom the owner of a visited site can turn to."""
    if not _CONTACT.fullmatch(text):
        raise ValueError("an http(s) URL or a mail address, in ASCII without spaces and brackets")
    return text


def parse_allowances(text: str) -> str:
    """Addresses with ports, ``CIDR:port,…``."""
    for entry in filter(None, (part.strip() for part in text.split(","))):
        found = _ALLOWANCE.fullmatch(entry)
        if found is None or int(found["port"]) not in _PORTS or not _is_network(found):
            raise ValueError(
                f"CIDR:port,… such as 127.0.0.1/32:8301 or [::1]/128:8301, which {entry!r} is not"
            )
    return text


def parse_path(text: str) -> Path:
    """A path, whatever is there."""
    return Path(text).absolute()


def parse_existing_file(text: str) -> Path:
    """A file that is there."""
    path = Path(text).absolute()
    if not path.is_file():
        raise ValueError("the path of a file that exists")
    return path


def read_text_file(text: str) -> str:
    """What a file holds, without the end of its last line."""
    try:
        held = Path(text).read_text().strip()
    except (OSError, UnicodeDecodeError):
        held = ""
    if not held:
        raise ValueError("the path of a file that can be read and is not empty")
    return held


def parse_name(text: str) -> str:
    """A name that can stand in a key."""
    if not _NAME.fullmatch(text):
        raise ValueError("1 to 64 letters, digits, - and _")
    return text


def parse_pipe(text: str) -> int:
    """The number of an inherited pipe; `up` hands it to the services that it starts."""
    try:
        is_pipe = stat.S_ISFIFO(os.fstat(int(text)).st_mode)
    except (ValueError, OSError, OverflowError):
        is_pipe = False
    if not is_pipe:
        raise ValueError("nothing: it is not for you to set")
    return int(text)


def _split(text: str) -> SplitResult | None:
    try:
        parts = urlsplit(text)
        _ = parts.port  # a ValueError where it is none
    except ValueError:
        return None
    return parts


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _is_network(found: re.Match[str]) -> bool:
    try:
        ip_network(f"{found['v6'] or found['v4']}{found['prefix'] or ''}")
    except ValueError:
        return False
    return True


RATE_FORM = "a number per time such as 50/s, 3000/min or 10000/h"
_RATE = re.compile(r"([1-9][0-9]{0,5}) */ *(s|min|h)")
_WINDOWS_S = {"s": 1, "min": 60, "h": 3600}


class Rate(msgspec.Struct, frozen=True):
    """``quota`` times in each ``window_s`` seconds, and as many at once."""

    quota: int
    window_s: int


def parse_rate(text: str) -> Rate:
    """The rate that is written there.

    Raises:
        ValueError: says what was expected.
    """
    found = _RATE.fullmatch(text)
    if found is None:
        raise ValueError(RATE_FORM)
    return Rate(int(found[1]), _WINDOWS_S[found[2]])
