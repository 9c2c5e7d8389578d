"""Identify a file by its first bytes; server and name may lie."""

import codecs
import re
from pathlib import PurePosixPath

import msgspec

HEAD_BYTES = 1024  # enough for every signature and the first tag
HTML = "text/html"


class FileType(msgspec.Struct, frozen=True):
    """A media type and its extension."""

    media_type: str
    extension: str


UNKNOWN = FileType("application/octet-stream", ".bin")
_MAGICS = (
    (b"%PDF-", FileType("application/pdf", ".pdf")),
    (b"\x89PNG\r\n\x1a\n", FileType("image/png", ".png")),
    (b"\xff\xd8\xff", FileType("image/jpeg", ".jpg")),
    (b"GIF87a", FileType("image/gif", ".gif")),
    (b"GIF89a", FileType("image/gif", ".gif")),
    (b"%!PS", FileType("application/postscript", ".ps")),
    (b"\x1f\x8b", FileType("application/gzip", ".gz")),
    (b"BZh", FileType("application/x-bzip2", ".bz2")),
    (b"\xfd7zXZ\x00", FileType("application/x-xz", ".xz")),
    (b"7z\xbc\xaf\x27\x1c", FileType("application/x-7z-compressed", ".7z")),
    (b"\x1aE\xdf\xa3", FileType("video/webm", ".webm")),
    (b"OggS", FileType("application/ogg", ".ogg")),
    (b"ID3", FileType("audio/mpeg", ".mp3")),
    (b"{\\rtf", FileType("application/rtf", ".rtf")),
)
ZIP = FileType("application/zip", ".zip")
_ODF = "application/vnd.oasis.opendocument"
_IN_ZIP_BY_MIMETYPE = {  # a ZIP with the type as its first member
    f"{_ODF}.presentation": ".odp",
    f"{_ODF}.text": ".odt",
    f"{_ODF}.spreadsheet": ".ods",
    "application/epub+zip": ".epub",
}
_OOXML = "application/vnd.openxmlformats-officedocument"
_IN_ZIP_BY_NAME = {
    ".pptx": f"{_OOXML}.presentationml.presentation",
    ".docx": f"{_OOXML}.wordprocessingml.document",
    ".xlsx": f"{_OOXML}.spreadsheetml.sheet",
    ".key": "application/vnd.apple.keynote",
}
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_IN_OLE_BY_NAME = {".ppt": "application/vnd.ms-powerpoint", ".doc": "application/msword"}
_TEXT_BY_NAME = {
    ".csv": "text/csv",
    ".md": "text/markdown",
    ".ipynb": "application/x-ipynb+json",
    ".json": "application/json",
}
_SOURCE_TEXT = frozenset(  # plain text that keeps its extension
    {".c", ".go", ".ics", ".ini", ".java", ".log", ".py", ".rs", ".rst", ".sql", ".tex", ".toml"}
    | {".bib", ".cpp", ".diff", ".h", ".patch", ".r", ".yaml", ".yml"}
)
_VTT = FileType("text/vtt", ".vtt")
_SRT = FileType("application/x-subrip", ".srt")
SUBTITLES = frozenset({_VTT.media_type, _SRT.media_type})
TYPES = {  # every recognised type, with its extension
    **{file_type.media_type: file_type.extension for _, file_type in _MAGICS},
    **_IN_ZIP_BY_MIMETYPE,
    **{media_type: extension for extension, media_type in _IN_ZIP_BY_NAME.items()},
    **{media_type: extension for extension, media_type in _IN_OLE_BY_NAME.items()},
    **{media_type: extension for extension, media_type in _TEXT_BY_NAME.items()},
    ZIP.media_type: ZIP.extension,
    "image/webp": ".webp",
    "image/avif": ".avif",
    "image/heic": ".heic",
    "image/svg+xml": ".svg",
    "video/mp4": ".mp4",
    "video/quicktime": ".mov",
    _VTT.media_type: _VTT.extension,
    _SRT.media_type: _SRT.extension,
}
IN_ZIP = frozenset({*_IN_ZIP_BY_MIMETYPE, *_IN_ZIP_BY_NAME.values()})
_PROLOG = re.compile(rb"<!--.*?-->|<\?.*?\?>|<!doctype svg[^>]*>|\s+", re.IGNORECASE | re.DOTALL)
_HTML = re.compile(rb"<(?:!doctype html|html|head|body|script|iframe)\b", re.IGNORECASE)
_BOMS = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}
_SVG = re.compile(rb"<svg\b", re.IGNORECASE)
_TAG = re.compile(rb"<[a-z!?/]", re.IGNORECASE)
_SRT_CUE = re.compile(rb"\s*\d+\s*\r?\n\d+:\d\d:\d\d[,.]\d{3}\s*-->\s*\d")
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")


def sniff(head: bytes, name: str) -> FileType:
    """Return the type of a file.

    Args:
        head: its first bytes, `HEAD_BYTES` or all.
        name: used only for what the bytes leave open.
    """
    suffix = PurePosixPath(name).suffix.lower()
    for magic, file_type in _MAGICS:
        if head.startswith(magic):
            return file_type
    if head.startswith(b"PK\x03\x04"):
        return _sniff_zip(head, suffix)
    if head.startswith(_OLE) and suffix in _IN_OLE_BY_NAME:
        return FileType(_IN_OLE_BY_NAME[suffix], suffix)
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return FileType("image/webp", ".webp")
    if head[4:8] == b"ftyp":
        return _sniff_mp4(head[8:12])
    return _sniff_text(head, suffix)


def _sniff_zip(head: bytes, suffix: str) -> FileType:
    if head[30:38] == b"mimetype":
        for media_type, extension in _IN_ZIP_BY_MIMETYPE.items():
            if head[38:].startswith(media_type.encode() + b"PK"):
                return FileType(media_type, extension)
    if suffix in _IN_ZIP_BY_NAME:
        return FileType(_IN_ZIP_BY_NAME[suffix], suffix)
    return ZIP


def _sniff_mp4(brand: bytes) -> FileType:
    match brand:
        case b"avif":
            return FileType("image/avif", ".avif")
        case b"heic" | b"heix":
            return FileType("image/heic", ".heic")
        case b"qt  ":
            return FileType("video/quicktime", ".mov")
        case _:
            return FileType("video/mp4", ".mp4")


def _sniff_text(head: bytes, suffix: str) -> FileType:
    """Identify text; text with a tag in it is HTML or unknown, whatever a browser would guess."""
    head = _to_utf8(head)
    if head.startswith(b"WEBVTT"):
        return _VTT
    if _SRT_CUE.match(head):
        return _SRT
    start = _first_tag(head)
    if _SVG.match(head, start):
        return FileType("image/svg+xml", ".svg")
    if _HTML.match(head, start):
        return FileType(HTML, ".html")
    if _CONTROL.search(head) or _TAG.search(head):
        return UNKNOWN
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)  # ``head`` may end within a character
    except UnicodeDecodeError:
        return UNKNOWN
    if suffix in _TEXT_BY_NAME:
        return FileType(_TEXT_BY_NAME[suffix], suffix)
    return FileType("text/plain", suffix if suffix in _SOURCE_TEXT else ".txt")


def _to_utf8(head: bytes) -> bytes:
    """Strip the byte order mark, and convert UTF-16 to UTF-8."""
    for bom, encoding in _BOMS.items():
        if head.startswith(bom):
            return head[len(bom) :].decode(encoding, "ignore").encode(errors="replace")
    return head


def _first_tag(head: bytes) -> int:
    """Return the offset of the first tag after comments and declarations."""
    start = 0
    while found := _PROLOG.match(head, start):
        start = found.end()
    return start
