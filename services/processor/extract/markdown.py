"""Markdown that is safe to show: no raw HTML, and no link to anything but the web."""

import html
import re
from urllib.parse import quote

_SPECIAL = re.compile(r"([\\`*_\[\]<>#&|!~])")
_TAG_OPENING = re.compile(r"(\\*)<")
_DESTINATION = re.compile(r"\](\(|:)(\s*)([^\s)]*)")
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)
_ALLOWED = ("http:", "https:", "mailto:")
_ESCAPED = re.compile(r"\\([!-/:-@\[-`{-~])")
_INVISIBLE = re.compile(r"[\x00-\x20\x7f-\xa0\xad\u200b-\u200f\u2028-\u202f\u2060\ufeff]")
_FENCE = re.compile(r"```[\w+-]*\s*\Z")


def plain(text: str) -> str:
    """Text that Markdown shows as it is."""
    return _SPECIAL.sub(r"\\\1", text)


def link(title: str, url: str) -> str:
    """A link to an absolute address."""
    return f"[{plain(title)}]({quote(url, safe=_URL_SAFE)})"


def harmless(markdown: str) -> str:
    """``markdown`` without raw HTML and without links that run code or hold data."""
    lines = markdown.split("\n")
    in_code = _fenced(lines)
    shown = [
        line if code else _TAG_OPENING.sub(_unopened, line)
        for line, code in zip(lines, in_code, strict=True)
    ]
    return _DESTINATION.sub(_checked, "\n".join(shown))


def _unopened(found: re.Match[str]) -> str:
    backslashes = found[1]
    return found[0] if len(backslashes) % 2 else f"{backslashes}&lt;"


def _checked(found: re.Match[str]) -> str:
    opening, space, destination = found.groups()
    read = _INVISIBLE.sub("", _ESCAPED.sub(r"\1", html.unescape(destination)))
    scheme = _SCHEME.match(read)
    if scheme is None or scheme[0].lower() in _ALLOWED:
        return found[0]
    return f"]\\{opening}{space}{destination}"


def _fenced(lines: list[str]) -> list[bool]:
    """For each line, whether it is within a fence that every reader of Markdown sees the same.

    Readers differ where a fence is indented, nested or never closed: there nothing is code.
    """
    marks = [line for line in lines if "```" in line or "~~~" in line]
    clear = len(marks) % 2 == 0 and all(_FENCE.match(mark) for mark in marks)
    if not clear or any(mark.strip() != "```" for mark in marks[1::2]):
        return [False] * len(lines)
    inside, result = False, []
    for line in lines:
        fence = line.startswith("```")
        result.append(inside and not fence)
        inside ^= fence
    return result


_URL_SAFE = "".join(chr(c) for c in range(0x21, 0x7F) if chr(c) not in '()<>\\"`')
