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
    detected = sniff(head, name)
    if declared in TYPES and detected.media_type in {ZIP.media_type, _TEXT, UNKNOWN.media_type}:
        detected = sniff(head, f"x{TYPES[declared]}")
    _check_purpose(purpose, detected.media_type)
    return TypeCheck(
        detected, None if purpose == "page" else _find_mismatch(declared, detected, name)
    )


def _check_purpose(purpose: Purpose, detected: str) -> None:
    if purpose == "page":
        if detected not in _PAGE_BYTES_TYPES:
            raise FetchFailed("wrong_type", f"it is {detected}, not a page")
    elif detected == HTML:  # so we never serve a stranger's HTML, nor keep a login page as a file
        raise FetchFailed("wrong_type", f"it is {HTML}")
    elif purpose == "images" and not detected.startswith("image/"):
        raise FetchFailed("wrong_type", f"it is {detected}, not an image")
    elif purpose == "subtitles" and detected not in SUBTITLES:
        raise FetchFailed("wrong_type", f"it is {detected}, not subtitles")
    elif detected.startswith("video/"):
        raise FetchFailed(IS_VIDEO, detected)


def _find_mismatch(declared: str, detected: FileType, name: str) -> str | None:
    """Return a warning if declared type, or else name, contradict the bytes."""
    suffix = PurePosixPath(name).suffix.lower()
    if declared not in _GENERIC:
        announced, claim = declared, f"declared {declared[:60]}"
    elif suffix in TYPES.values():
        announced, claim = _type_of_suffix(suffix), f"named {suffix}"
    else:
        return None
    if _is_consistent(announced, detected.media_type):
        return None
    return f"type_mismatch: {claim}, found {detected.media_type}"


def _is_consistent(announced: str, detected: str) -> bool:
    """True if both may hold: both are text, or one is packed in the other."""
    if _is_text(announced) and _is_text(detected):
        return True
    if announced == ZIP.media_type:
        return detected == announced or detected in IN_ZIP
    return announced == detected or (detected in _CONTAINERS and announced not in TYPES)


def _type_of_suffix(suffix: str) -> str:
    """Return the type of a known extension."""
    return next(media_type for media_type, known in TYPES.items() if known == suffix)


def _is_text(media_type: str) -> bool:
    return media_type.startswith("text/") or media_type.endswith(_ALSO_TEXT)
