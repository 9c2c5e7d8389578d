"""Parse the text of a setting; a ValueError says what is expected."""

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
RATE_FORM = "a number per time such as 50/s, 3000/min or 10000/h"
_RATE = re.compile(r"([1-9][0-9]{0,5}) */ *(s|min|h)")
_WINDOWS_S = {"s": 1, "min": 60, "h": 3600}


class Rate(msgspec.Struct, frozen=True):
    """A limit of ``quota`` requests per ``window_s`` seconds; also the largest burst."""

    quota: int
    window_s: int

    def __str__(self) -> str:
        unit = next(unit for unit, seconds in _WINDOWS_S.items() if seconds == self.window_s)
        return f"{self.quota}/{unit}"


def parse_host(text: str) -> str:
    """Return an IP address or host name to listen on."""
    if not _is_address(text) and not _HOST_NAME.fullmatch(text):
        raise ValueError("an IP address or a host name")
    return text


def parse_days(text: str, least: int = 1) -> timedelta:
    """Return a number of days, up to a hundred years."""
    if not text.isascii() or not text.isdigit() or not least <= int(text[:6]) <= MAX_DAYS:
        raise ValueError(f"a whole number of days, {least} to {MAX_DAYS}")
    return timedelta(days=int(text))


def parse_nats_url(text: str) -> str:
    """Return one server's URL, or several separated by commas."""
    for server in text.split(","):
        parts = _split(server.strip())
        if parts is None or parts.scheme not in {"nats", "tls"} or not parts.hostname:
            raise ValueError("nats://host:port or tls://host:port, separated by commas if several")
        if "@" in parts.netloc:
            raise ValueError(
                "a URL without a user: set EVENTJOB_NATS_USER and EVENTJOB_NATS_PASSWORD instead"
            )
    return text


def parse_store_url(text: str) -> str:
    """Return the URL of the projection's database."""
    parts = _split(text)
    is_file = (
        parts is not None and parts.scheme == "sqlite" and not parts.netloc and len(parts.path) > 1
    )
    if not is_file and not _MONGODB.fullmatch(text):
        raise ValueError("sqlite:///absolute/path or mongodb://host/database")
    return text


def read_store_url_file(text: str) -> str:
    """Return the same URL from a file, and keep its content out of messages."""
    try:
        return parse_store_url(parse_existing_file(text).read_text().strip())
    except (OSError, ValueError):
        raise ValueError(
            "the path of a readable file that holds sqlite:///absolute/path or "
            "mongodb://host/database"
        ) from None


def parse_artifacts_url(text: str) -> str:
    """Return the URL of the artifact store."""
    parts = _split(text)
    is_folder = parts is not None and parts.scheme == "file" and not parts.netloc and parts.path
    is_bucket = parts is not None and parts.scheme == "s3" and parts.netloc
    if not is_folder and not is_bucket:
        raise ValueError("file:///absolute/folder or s3://bucket/prefix")
    if is_bucket and "@" in text:
        raise ValueError(
            "a URL without a user: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY instead"
        )
    return text


def parse_contact(text: str) -> str:
    """Return the address at which owners of visited sites can complain."""
    if not _CONTACT.fullmatch(text):
        raise ValueError("an http(s) URL or a mail address, in ASCII, without spaces or brackets")
    return text


def parse_allowances(text: str) -> str:
    """Return addresses with ports that may be fetched, ``CIDR:port,…``."""
    for entry in filter(None, (part.strip() for part in text.split(","))):
        found = _ALLOWANCE.fullmatch(entry)
        if found is None or int(found["port"]) not in _PORTS or not _is_network(found):
            raise ValueError(
                f"CIDR:port,… such as 127.0.0.1/32:8301 or [::1]/128:8301, but got {entry!r}"
            )
    return text


def parse_path(text: str) -> Path:
    """Return an absolute path, whether or not the file exists."""
    return Path(text).absolute()


def parse_existing_file(text: str) -> Path:
    """Return the absolute path of an existing file."""
    path = Path(text).absolute()
    if not path.is_file():
        raise ValueError("the path of an existing file")
    return path


def read_text_file(text: str) -> str:
    """Return a file's text, stripped."""
    try:
        content = Path(text).read_text().strip()
    except (OSError, UnicodeDecodeError):
        content = ""
    if not content:
        raise ValueError("the path of a readable file that is not empty")
    return content


def parse_name(text: str) -> str:
    """Return a name that is valid as part of a key on the bus."""
    if not _NAME.fullmatch(text):
        raise ValueError("1 to 64 letters, digits, - or _")
    return text


def parse_pipe(text: str) -> int:
    """Return the descriptor of an inherited pipe, which `up` passes to its services."""
    try:
        is_pipe = stat.S_ISFIFO(os.fstat(int(text)).st_mode)
    except (ValueError, OSError, OverflowError):
        is_pipe = False
    if not is_pipe:
        raise ValueError("no value: only `eventjob up` sets this")
    return int(text)


def parse_rate(text: str) -> Rate:
    """Return the rate; raise ValueError with the expected form."""
    found = _RATE.fullmatch(text)
    if found is None:
        raise ValueError(RATE_FORM)
    return Rate(int(found[1]), _WINDOWS_S[found[2]])


def _split(text: str) -> SplitResult | None:
    try:
        parts = urlsplit(text)
        _ = parts.port  # raises ValueError if it is wrong
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
