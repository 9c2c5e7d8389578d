"""Which artifacts a log names: many, so they are noted on disk, and sorted a part at a time."""

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

DIGEST_BYTES = 32
PARTS = 256  # by the first byte, as the folders of a store are


class Names:
    """A set of sha256s in a folder of its own; memory holds a 256th of it at a time."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self._folder = folder
        self._parts: dict[int, BinaryIO] = {}

    def add(self, sha256: str) -> None:
        """Note a name; one that is there already does no harm."""
        digest = bytes.fromhex(sha256)
        part = self._parts.get(digest[0])
        if part is None:
            part = self._parts[digest[0]] = (self._folder / f"{digest[0]:02x}").open("ab")
        part.write(digest)

    def parts(self) -> Iterator[tuple[str, list[str]]]:
        """All names, each once and in order, with the two digits that they share."""
        self.close()
        for number in range(PARTS):
            file = self._folder / f"{number:02x}"
            noted = file.read_bytes() if file.exists() else b""
            digests = {
                noted[start : start + DIGEST_BYTES] for start in range(0, len(noted), DIGEST_BYTES)
            }
            yield file.name, sorted(digest.hex() for digest in digests)

    def close(self) -> None:
        """Nothing more is added."""
        for part in self._parts.values():
            part.close()
        self._parts.clear()
