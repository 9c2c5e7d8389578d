"""Accept or reject a body by declared type, first bytes and name.

The bytes decide; type and name only resolve what they leave open, and are then compared.
"""

from pathlib import PurePosixPath
from typing import Literal

import msgspec

from eventjob.fetch.errors import FetchFailed
from services.processor.extract.facts import Kind
from services.processor.files.sniff import (
    HTML,
    IN_ZIP,
    SUBTITLES,
    TYPES,
    UNKNOWN,
    ZIP,
    FileType,
    sniff,
)

Purpose = Literal["page"] | Kind

IS_VIDEO = "is_video"
_PAGES = frozenset({HTML, "application/xhtml+xml"})
_TEXT = "text/plain"
_PAGE_BYTES_TYPES = frozenset({HTML, _TEXT, UNKNOWN.media_type})
_GENERIC = frozenset(  # declared by servers for anything
    {
        "",
        _TEXT,
        "application/octet-stream",
        "application/download",
        "application/force-download",
        "application/x-download",
        "binary/octet-stream",
    }
)
_ALIASES = {
    "application/x-gzip": "application/gzip",
    "application/x-pdf": "application/pdf",
    "application/x-zip": "application/zip",
    "application/x-zip-compressed": "application/zip",
    "image/jpg": "image/jpeg",
    "image/pjpeg": "image/jpeg",
    "image/x-png": "image/png",
    "text/rtf": "application/rtf",
}
_CONTAINERS = frozenset({ZIP.media_type, "application/gzip"})
_ALSO_TEXT = ("+json", "+xml", "/json", "/xml", "yaml", "javascript", "x-tex", "x-sh", "x-python")


class TypeCheck(msgspec.Struct, frozen=True):
    """The type of a body, and a warning if it was announced as another."""

    file_type: FileType
    mismatch: str | None = None


def is_acceptable(purpose: Purpose, declared: str) -> bool:
    """True if a response of the declared type ("" if undeclared) is worth reading.

    Raises:
        FetchFailed: ``is_video``: link it instead.
    """
    if purpose == "page":
        return declared in _PAGES or not declared
    if declared.startswith("video/"):
        raise FetchFailed(IS_VIDEO, declared)
    return declared not in _PAGES


def check_type(purpose: Purpose, declared: str, head: bytes, name: str) -> TypeCheck:
    """Identify a body by its first bytes ``head`` and the ``name`` in its URL.

    Raises:
        FetchFailed: ``wrong_type`` for this purpose, or ``is_video``: link it instead.
    """
    declared = _ALIASES.get(declared, declared)
    found = sniff(head, name)
    if declared in TYPES and found.media_type in {ZIP.media_type, _TEXT, UNKNOWN.media_type}:
        found = sniff(head, f"x{TYPES[declared]}")
    _check_purpose(purpose, found.media_type)
    return TypeCheck(found, None if purpose == "page" else _find_mismatch(declared, found, name))


def _check_purpose(purpose: Purpose, found: str) -> None:
    if purpose == "page":
        if found not in _PAGE_BYTES_TYPES:
            raise FetchFailed("wrong_type", f"it is {found}, not a page")
    elif found == HTML:  # so we never serve a stranger's HTML, nor keep a login page as a file
        raise FetchFailed("wrong_type", f"it is {HTML}")
    elif purpose == "images" and not found.startswith("image/"):
        raise FetchFailed("wrong_type", f"it is {found}, not an image")
    elif purpose == "subtitles" and found not in SUBTITLES:
        raise FetchFailed("wrong_type", f"it is {found}, not subtitles")
    elif found.startswith("video/"):
        raise FetchFailed(IS_VIDEO, found)


def _find_mismatch(declared: str, found: FileType, name: str) -> str | None:
    """Return a warning if declared type, or else name, contradict the bytes."""
    suffix = PurePosixPath(name).suffix.lower()
    if declared not in _GENERIC:
        announced, claim = declared, f"declared {declared[:60]}"
    elif suffix in TYPES.values():
        announced, claim = _type_of_suffix(suffix), f"named {suffix}"
    else:
        return None
    if _is_consistent(announced, found.media_type):
        return None
    return f"type_mismatch: {claim}, found {found.media_type}"


def _is_consistent(announced: str, found: str) -> bool:
    """True if both may hold: both are text, or one is packed in the other."""
    if _is_text(announced) and _is_text(found):
        return True
    if announced == ZIP.media_type:
        return found == announced or found in IN_ZIP
    return announced == found or (found in _CONTAINERS and announced not in TYPES)


def _type_of_suffix(suffix: str) -> str:
    """Return the type of a known extension."""
    return next(media_type for media_type, known in TYPES.items() if known == suffix)


def _is_text(media_type: str) -> bool:
    return media_type.startswith("text/") or media_type.endswith(_ALSO_TEXT)
