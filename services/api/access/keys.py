"""API keys: who has one, and what it allows. A file holds their hashes, one key a line.

A key is ``ej_<id>_<secret>``. The secret has 256 random bits, so nobody can try them all, and a
fast hash keeps it as well as a slow one would, at a millionth of the cost per request.
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
from services.api.request.field_rules import user_id

_ID = r"[a-z0-9-]{1,64}"
_KEY = re.compile(rf"ej_({_ID})_[A-Za-z0-9_-]{{43}}")
_NOBODYS = "0" * 64  # compared with where there is no such id, so that both take as long


class KeysError(ValueError):
    """The file of keys is wrong; says where, and what was expected."""


class Key(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True
):
    """A line of the file.

    ``sha256`` is of the whole key. ``act_for_others``: X-User-ID and a body's user_id may name
    anybody. ``administer``: may read and change everything.
    """

    id: Annotated[str, msgspec.Meta(pattern=rf"^{_ID}\Z")]
    user: str
    sha256: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}\Z")]
    act_for_others: bool = False
    administer: bool = False
    rate: str | None = None  # else that of EVENTJOB_RATE_LIMIT

    def __post_init__(self) -> None:
        """Check what types cannot say."""
        user_id(self.user)
        if self.rate is not None:
            parse_rate(self.rate)

    def own_rate(self, usual: Rate) -> Rate:
        """How often it may be used."""
        return usual if self.rate is None else parse_rate(self.rate)


_decoder = msgspec.json.Decoder(Key)


def new_key(key_id: str | None = None) -> tuple[str, str, str]:
    """A new key's id, the key itself, and its hash."""
    key_id = key_id or secrets.token_hex(4)
    text = f"ej_{key_id}_{secrets.token_urlsafe(32)}"
    return key_id, text, hash_of(text)


def hash_of(text: str) -> str:
    """What the file holds of a key."""
    return sha256(text.encode()).hexdigest()


def key_in(line: str) -> Key:
    """The key in a line of the file.

    Raises:
        ValueError: there is none, or one that is wrong.
    """
    try:
        return _decoder.decode(line)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def line_of(key: Key) -> str:
    """The key as a line of the file."""
    return msgspec.json.encode(key).decode()


def read_keys(path: Path) -> dict[str, Key]:
    """The keys in a file, by id; empty lines and those that begin with ``#`` hold none.

    Raises:
        KeysError: it cannot be read, or a line is wrong.
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
            raise KeysError(f"{path}, line {number}: expected an id of its own, {key.id} is taken")
        keys[key.id] = key
    return keys


def _key(line: str, where: str) -> Key:
    try:
        return key_in(line)
    except ValueError as error:
        example = '{"id": "…", "user": "…", "sha256": "…"}, as `eventjob key new` prints it'
        raise KeysError(f"{where}: expected {example}: {error}") from error


def find(keys: dict[str, Key], text: str) -> Key | None:
    """The key of this text, looked up by its id and compared in constant time."""
    parts = _KEY.fullmatch(text)
    key = keys.get(parts[1]) if parts else None
    is_right = compare_digest(hash_of(text), _NOBODYS if key is None else key.sha256)
    return key if is_right else None


LOOK_EVERY_S = 1.0

_Mark = tuple[int, ...]
_OTHERS_MAY_READ_OR_WRITE = 0o027


class KeyRing:
    """Looks at the file again at most once in a second, when somebody comes with a key.

    A file that is broken leaves the keys as they were, and is an error in the log.
    """

    def __init__(self, path: Path, log: Logger) -> None:
        """Raises KeysError."""
        self._path = path
        self._log = log
        self._mark = self._marked()
        self._keys = read_keys(path)
        self._looked = time.monotonic()
        self._warn()

    def find(self, text: str) -> Key | None:
        """The key of this text; None where it is none, or revoked."""
        self._refresh()
        return find(self._keys, text)

    def _refresh(self) -> None:
        if time.monotonic() - self._looked < LOOK_EVERY_S:
            return
        self._looked = time.monotonic()
        mark = self._marked()
        if mark == self._mark:
            return
        self._mark = mark
        try:
            self._keys = read_keys(self._path)
        except KeysError as error:
            self._log.error("keys.broken", reason=str(error), kept=len(self._keys))
            return
        self._log.info("keys.read", keys=len(self._keys))
        self._warn()

    def _marked(self) -> _Mark:
        try:
            stat = self._path.stat()
        except OSError:
            return ()
        return (stat.st_mtime_ns, stat.st_ctime_ns, stat.st_size, stat.st_ino, stat.st_mode)

    def _warn(self) -> None:
        """The hashes give no key away, but whoever can write the file makes keys."""
        if self._mark and self._mark[-1] & _OTHERS_MAY_READ_OR_WRITE:
            self._log.warning("keys.open_to_others", path=str(self._path), expected="chmod 600")
