"""The keys of a file, as the file is by now."""

import time
from pathlib import Path

from eventjob.runtime.logs import Logger
from services.api.access.keys import Key, KeysError, find, read_keys

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
