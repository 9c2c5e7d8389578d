"""Read an image's width and height from its header.

Image libraries decode too much: some allocate the whole canvas on opening.
"""

import struct
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

Size = tuple[int, int]  # width and height in pixels

_HEAD_BYTES = 4096  # AVIF and HEIC declare sizes at the start
_MAX_SEGMENTS = 500  # a crafted file may have millions
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_JPEG_BARE = frozenset({0x01, *range(0xD0, 0xD9)})  # markers without a length


def read_dimensions(path: Path, media_type: str) -> Size | None:
    """Return width and height in pixels, if the header has them."""
    reader = _READERS.get(media_type)
    if reader is None:
        return None
    with path.open("rb") as file:
        try:
            return reader(file)
        except struct.error:  # the file is too short
            return None


def _png(file: BinaryIO) -> Size | None:
    length_and_name, width, height = struct.unpack(">8sII", file.read(24)[8:])
    return (width, height) if length_and_name[4:] == b"IHDR" else None


def _gif(file: BinaryIO) -> Size:
    width, height = struct.unpack("<HH", file.read(10)[6:])
    return width, height


def _webp(file: BinaryIO) -> Size | None:
    head = file.read(30)
    match head[12:16]:
        case b"VP8X":
            return _uint24(head[24:27]) + 1, _uint24(head[27:30]) + 1
        case b"VP8L":
            (bits,) = struct.unpack("<I", head[21:25])
            return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        case b"VP8 ":
            width, height = struct.unpack("<HH", head[26:30])
            return width & 0x3FFF, height & 0x3FFF
        case _:
            return None


def _jpeg(file: BinaryIO) -> Size | None:
    """Skip all segments up to the first frame's header."""
    file.seek(2)
    for _ in range(_MAX_SEGMENTS):
        mark, marker = struct.unpack(">BB", file.read(2))
        if mark != 0xFF:  # noqa: PLR2004 - ITU T.81, B.1.1.3
            return None
        if marker == 0xFF:  # noqa: PLR2004 - a fill byte
            file.seek(-1, 1)
        elif marker in _JPEG_FRAMES:
            _, _, height, width = struct.unpack(">HBHH", file.read(7))
            return width, height
        elif marker not in _JPEG_BARE:
            (length,) = struct.unpack(">H", file.read(2))
            file.seek(length - 2, 1)
    return None


def _heif(file: BinaryIO) -> Size | None:
    """Return the largest size that an AVIF or HEIC file declares."""
    boxes = file.read(_HEAD_BYTES).split(b"ispe")[1:]
    sizes = [struct.unpack(">II", box[4:12]) for box in boxes]
    return max(((width, height) for width, height in sizes), default=None)


def _uint24(data: bytes) -> int:
    return int.from_bytes(data.ljust(3, b"\0"), "little")


_READERS: dict[str, Callable[[BinaryIO], Size | None]] = {
    "image/avif": _heif,
    "image/gif": _gif,
    "image/heic": _heif,
    "image/jpeg": _jpeg,
    "image/png": _png,
    "image/webp": _webp,
}
