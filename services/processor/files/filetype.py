"""What a body is, and whether it is wanted: by declared type, first bytes and name together.

The bytes decide. Type and name tell apart what they leave open, and are compared with the result.
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
_FOUND_IN_PAGES = frozenset({HTML, _TEXT, UNKNOWN.media_type})
_GENERIC = frozenset(  # what servers declare of anything
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


class Verdict(msgspec.Struct, frozen=True):
    """What a body is, and how it was announced if that is something else."""

    file_type: FileType
    mismatch: str | None = None


def may_be(purpose: Purpose, declared: str) -> bool:
    """Whether an answer of this type ("" where none is declared) is worth reading.

    Raises:
        FetchFailed: ``is_video``: it is to be linked, not fetched.
    """
    if purpose == "page":
        return declared in _PAGES or not declared
    if declared.startswith("video/"):
        raise FetchFailed(IS_VIDEO, declared)
    return declared not in _PAGES


def verdict(purpose: Purpose, declared: str, head: bytes, name: str) -> Verdict:
    """What a body is that begins with ``head`` and came from an address that ends in ``name``.

    Raises:
        FetchFailed: ``wrong_type``: it cannot serve the purpose; ``is_video``: see `may_be`.
    """
    declared = _ALIASES.get(declared, declared)
    found = sniff(head, name)
    if declared in TYPES and found.media_type in {ZIP.media_type, _TEXT, UNKNOWN.media_type}:
        found = sniff(head, f"x{TYPES[declared]}")
    _check(purpose, found.media_type)
    return Verdict(found, None if purpose == "page" else _mismatch(declared, found, name))


def _check(purpose: Purpose, found: str) -> None:
    if purpose == "page":
        if found not in _FOUND_IN_PAGES:
            raise FetchFailed("wrong_type", f"it is {found}, not a page")
    elif found == HTML:
        raise FetchFailed("wrong_type", f"it is {HTML}")
    elif purpose == "images" and not found.startswith("image/"):
        raise FetchFailed("wrong_type", f"it is {found}, not an image")
    elif purpose == "subtitles" and found not in SUBTITLES:
        raise FetchFailed("wrong_type", f"it is {found}, not subtitles")
    elif found.startswith("video/"):
        raise FetchFailed(IS_VIDEO, found)


def _mismatch(declared: str, found: FileType, name: str) -> str | None:
    """How declared type, or else name, contradict the bytes; an unknown type cannot do so."""
    suffix = PurePosixPath(name).suffix.lower()
    if declared not in _GENERIC:
        announced, said = declared, f"declared {declared[:60]}"
    elif suffix in TYPES.values():
        announced, said = _stands_for(suffix), f"named {suffix}"
    else:
        return None
    if _agree(announced, found.media_type):
        return None
    return f"type_mismatch: {said}, found {found.media_type}"


def _agree(announced: str, found: str) -> bool:
    """Whether both may be true: both are text, or one says what is packed in the other."""
    if _is_text(announced) and _is_text(found):
        return True
    if announced == ZIP.media_type:
        return found == announced or found in IN_ZIP
    return announced == found or (found in _CONTAINERS and announced not in TYPES)


def _stands_for(suffix: str) -> str:
    """The type that an extension stands for."""
    return next(media_type for media_type, known in TYPES.items() if known == suffix)


def _is_text(media_type: str) -> bool:
    return media_type.startswith("text/") or media_type.endswith(_ALSO_TEXT)
