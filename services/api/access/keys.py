"""API keys: file format, lookup, reload on change. The file holds one hashed key a line.

A key is ``ej_<id>_<secret>``.
"""

import re
import secrets
import time
from hashlib import sha256
from hmac import compare_digest
from pathlib import Path
from typing import Annotated

import msgspec

from eventjob.runtime.logs import Logger
from eventjob.runtime.setting_types import Rate, parse_rate
from services.api.request.field_rules import check_user_id

RELOAD_INTERVAL_S = 1.0

_ID = r"[a-z0-9-]{1,64}"
_KEY = re.compile(rf"ej_({_ID})_[A-Za-z0-9_-]{{43}}")
_UNKNOWN_HASH = "0" * 64  # compared if the id is unknown, so timing does not reveal ids
_OTHERS_MAY_READ_OR_WRITE = 0o027
_FileVersion = tuple[int, ...]


class KeysError(ValueError):
    """The file of keys is invalid; names the line and what is expected."""


class Key(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True
):
    """A line of the file of keys."""

    id: Annotated[str, msgspec.Meta(pattern=rf"^{_ID}\Z")]
    user: str
    # Of the whole key. A fast hash is safe here: the secret has 256 random bits.
    sha256: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}\Z")]
    act_for_others: bool = False  # X-User-ID and a body's user_id may name any user
    administer: bool = False  # may read and change everything
    rate: str | None = None  # default: EVENTJOB_RATE_LIMIT

    def __post_init__(self) -> None:
        """Check the user and the rate."""
        check_user_id(self.user)
        if self.rate is not None:
            parse_rate(self.rate)

    def effective_rate(self, default: Rate) -> Rate:
        """Return the key's rate limit."""
        return default if self.rate is None else parse_rate(self.rate)


_decoder = msgspec.json.Decoder(Key)


def new_key(key_id: str | None = None) -> tuple[str, str, str]:
    """Create a key. Returns its id, the key itself, and its hash."""
    key_id = key_id or secrets.token_hex(4)
    text = f"ej_{key_id}_{secrets.token_urlsafe(32)}"
    return key_id, text, hash_key(text)


def hash_key(text: str) -> str:
    """Hash a key as the file stores it."""
    return sha256(text.encode()).hexdigest()


def parse_key(line: str) -> Key:
    """Parse a line of the file.

    Raises:
        ValueError: the line is not a valid key.
    """
    try:
        return _decoder.decode(line)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def format_key(key: Key) -> str:
    """Format a key as a line of the file."""
    return msgspec.json.encode(key).decode()


def read_keys(path: Path) -> dict[str, Key]:
    """Read the keys in a file, by id. Skips empty lines and those that begin with ``#``.

    Raises:
        KeysError: the file cannot be read, or a line is invalid.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise KeysError(f"{path} cannot be read: {reason}") from error
    keys: dict[str, Key] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        key = _key(line, f"{path}, line {number}")
        if key.id in keys:
            raise KeysError(f"{path}, line {number}: expected an unused id, {key.id} is taken")
        keys[key.id] = key
    return keys


def find(keys: dict[str, Key], text: str) -> Key | None:
    """Find the key with this text, by its id; compare in constant time."""
    parts = _KEY.fullmatch(text)
    key = keys.get(parts[1]) if parts else None
    is_right = compare_digest(hash_key(text), _UNKNOWN_HASH if key is None else key.sha256)
    return key if is_right else None


class KeyRing:
    """The keys in a file, checked for changes at most once a second, when a key is looked up.

    If the file becomes invalid, the last valid keys stay in use, and an error is logged.
    """

    def __init__(self, path: Path, log: Logger) -> None:
        """Read the file. Raises `KeysError`."""
        self._path = path
        self._log = log
        self._version = self._read_version()  # before the keys: a later change is noticed
        self._keys = read_keys(path)
        self._checked_at = time.monotonic()
        self._warn_if_open()

    def find(self, text: str) -> Key | None:
        """Return the key with this text, or None."""
        self._refresh()
        return find(self._keys, text)

    def _refresh(self) -> None:
        if time.monotonic() - self._checked_at < RELOAD_INTERVAL_S:
            return
        self._checked_at = time.monotonic()
        version = self._read_version()
        if version == self._version:
            return
        self._version = version
        try:
            self._keys = read_keys(self._path)
        except KeysError as error:
            # A typing error must not lock out all users of a running service.
            self._log.error("keys.broken", reason=str(error), kept=len(self._keys))
            return
        self._log.info("keys.read", keys=len(self._keys))
        self._warn_if_open()

    def _read_version(self) -> _FileVersion:
        try:
            stat = self._path.stat()
        except OSError:
            return ()
        return (stat.st_mtime_ns, stat.st_ctime_ns, stat.st_size, stat.st_ino, stat.st_mode)

    def _warn_if_open(self) -> None:
        # Hashes reveal no key, but write access to the file is enough to add one.
        if self._version and self._version[-1] & _OTHERS_MAY_READ_OR_WRITE:
            self._log.warning("keys.open_to_others", path=str(self._path), expected="chmod 600")


def _key(line: str, where: str) -> Key:
    try:
        return parse_key(line)
    except ValueError as error:
        example = '{"id": "…", "user": "…", "sha256": "…"}, as `eventjob key new` prints it'
        raise KeysError(f"{where}: expected {example}: {error}") from error
