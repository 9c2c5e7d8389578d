"""File and folder names that are valid on Linux, macOS and Windows, and stay readable.

A safe name is in Unicode NFC and has at most 200 bytes in UTF-8. It is free of separators,
control and bidi characters and Windows device names. A safe name stays the same when made safe.
"""

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from itertools import count
from urllib.parse import quote

import msgspec

MAX_BYTES = 200
README = "README.md"
MANIFEST = "manifest.json"

_STEM_BYTES = MAX_BYTES - len(".zip")  # the longest suffix that a stem gets
_INVISIBLE = {"Cc", "Cf", "Cs"}  # controls, formats (bidi among them), lone surrogates
_EXTENSION = re.compile(r"\.(?=[0-9]*[a-z])[a-z0-9]{1,10}\Z", re.IGNORECASE)
_WINDOWS_DEVICE = re.compile(
    r"\A(?:CON|PRN|AUX|NUL|CLOCK\$|CONIN\$|CONOUT\$|(?:COM|LPT)[0-9¹²³])(?= *(?:\.|\Z))",
    re.IGNORECASE,
)


class SessionPaths(msgspec.Struct, frozen=True):
    """Paths of a session in its ZIP: ``<Event>/<Track>/<stem>.md``, and a folder beside it."""

    folder: str
    stem: str
    markdown: str
    asset_folder: str


def session_paths(event: str, track: str, filename: str) -> SessionPaths:
    """Return the paths for a job's parameters, distinct from README and manifest of the ZIP."""
    top = make_unique([README, MANIFEST, make_folder_name(event, "event")])[-1]
    folder = f"{top}/{make_folder_name(track, 'track')}"
    stem = make_stem(filename)
    return SessionPaths(folder, stem, f"{folder}/{stem}.md", f"{folder}/{stem}")


def make_stem(filename: str) -> str:
    """Return a job's ``filename`` as a safe name, stripped of ``.md``.

    A stem never ends in ``.md``: a session's folder could collide with another one's Markdown.
    """
    stem = _without_suffix(_sanitise(filename, "session"))
    return _without_suffix(_shorten(stem, "", _STEM_BYTES))


@lru_cache(maxsize=1000)  # of events and tracks, mostly
def make_folder_name(text: str, fallback: str) -> str:
    """Return ``text`` as a safe name, or ``fallback`` if all of its characters are removed."""
    return _shorten(_sanitise(text, fallback), "", MAX_BYTES)


def make_file_name(text: str, fallback: str) -> str:
    """Return ``text`` as a safe name like `make_folder_name`; cutting keeps the extension."""
    return _shorten(*_split(_sanitise(text, fallback)), MAX_BYTES)


def is_safe(name: str) -> bool:
    """Return True if ``name`` is already a safe name."""
    return name == make_folder_name(name, "")


def make_unique(names: Sequence[str]) -> list[str]:
    """Number the safe ``names`` of one folder ``-2``, ``-3`` … where they would collide.

    The first of several equal names stays as it is; a numbered name never equals another one.
    """
    taken = {collision_key(name) for name in names}
    next_number: dict[str, int] = {}
    result = []
    for name in names:
        key = collision_key(name)
        if key in next_number:
            number, name = _find_free_name(name, next_number[key], taken)  # noqa: PLW2901 - the same name, free
            taken.add(collision_key(name))
            next_number[key] = number + 1
        else:
            next_number[key] = 2
        result.append(name)
    return result


def append_number(name: str, number: int) -> str:
    """Return the safe ``name`` of a folder, with a number at its end."""
    return _shorten(name, f"-{number}", MAX_BYTES)


def collision_key(path: str) -> str:
    """Return a key that is equal for names which some file system treats as one.

    Source: canonical caseless matching, Unicode standard 3.13, D145.
    """
    folded = unicodedata.normalize("NFD", path).casefold()
    return unicodedata.normalize("NFD", folded)


def content_disposition(name: str, *, inline: bool) -> str:
    """Return the header value under which a browser shows or saves a file as ``name``.

    Source: RFC 6266, appendix D: ASCII for old clients, ``filename*`` (RFC 5987) for the others.
    """
    name = make_file_name(name, "download")
    plain = re.sub(r"[^ !#$&-\[\]-~]", "_", name)
    value = f'{"inline" if inline else "attachment"}; filename="{plain}"'
    return value if plain == name else f"{value}; filename*=UTF-8''{quote(name, safe='')}"


def _sanitise(text: str, fallback: str) -> str:
    name = _clean(text) or _clean(fallback) or "unnamed"
    return _WINDOWS_DEVICE.sub(r"\g<0>_", name)


def _clean(text: str) -> str:
    spaced = re.sub(r"\s+", " ", text)
    visible = "".join(c for c in spaced if unicodedata.category(c) not in _INVISIBLE)
    allowed = re.sub(r'[<>"?*]', "", re.sub(r"[/\\|:]", "-", visible))
    return re.sub(r" +", " ", unicodedata.normalize("NFC", allowed)).strip(" .")


def _without_suffix(stem: str) -> str:
    while stem.lower().endswith(".md"):
        stem = _sanitise(stem[: -len(".md")], "session")
    return stem


def _split(name: str) -> tuple[str, str]:
    found = _EXTENSION.search(name)
    return (name[: found.start()], found[0]) if found else (name, "")


def _shorten(stem: str, ending: str, max_bytes: int) -> str:
    stem_bytes = max_bytes - len(ending.encode())
    if len(stem.encode()) > stem_bytes:
        stem = stem.encode()[:stem_bytes].decode(errors="ignore").rstrip(" .")
    return stem + ending


def _find_free_name(name: str, first: int, taken: set[str]) -> tuple[int, str]:
    stem, extension = _split(name)
    candidates = ((n, _shorten(stem, f"-{n}{extension}", MAX_BYTES)) for n in count(first))
    return next((n, name) for n, name in candidates if collision_key(name) not in taken)
