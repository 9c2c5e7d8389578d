"""Markdown that is safe to show: no raw HTML, and no link to anything but the web."""

import html
import re
from collections.abc import Callable, Iterator
from itertools import groupby
from operator import itemgetter
from urllib.parse import quote

_SPECIAL = re.compile(r"[\\`*\[\]<~]|(?<![^\W_])_|_(?![^\W_])|&(?=#|\w+;)")
_BLOCK_START = re.compile(r"#{1,6}(?=\s|$)|[-+](?=\s|$)|[=>|]|-[-\s|:]*$|:(?=[-\s])")
_NUMBER = re.compile(r"(\d{1,9})([.)])(?=\s|$)")
_HEADING = re.compile(r"^(#{1,6}) +(.*)$", re.MULTILINE)
_FENCE_LINE = re.compile(r"(`{3,})[^`]*")
_UNSHOWN = re.compile(r"!?\[([^\]]*)\]\([^)]*\)|^ *`{3,}.*$", re.MULTILINE)
_MOST_LEVELS = 6
_TAG_OPENING = re.compile(r"(\\*)<")
_DESTINATION = re.compile(r"\](\(|:)(\s*)([^\s)]*)")
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)
_ALLOWED = ("http:", "https:", "mailto:")
_ESCAPED = re.compile(r"\\([!-/:-@\[-`{-~])")
_INVISIBLE = re.compile(r"[\x00-\x20\x7f-\xa0\xad\u200b-\u200f\u2028-\u202f\u2060\ufeff]")
_BACKTICKS = re.compile(r"`+")
_FENCE = re.compile(r"```[\w+-]*\s*\Z")


def plain(text: str) -> str:
    """Text that Markdown shows as it is, at the start of a line, too."""
    return at_start(escaped(text))


def escaped(text: str) -> str:
    """Text that Markdown shows as it is within a line."""
    return _SPECIAL.sub(r"\\\g<0>", text)


def at_start(line: str) -> str:
    """An escaped line that begins neither a heading nor a list nor anything else."""
    return _NUMBER.sub(r"\1\\\2", line, count=1) if _NUMBER.match(line) else _marked(line)


def link(title: str, url: str) -> str:
    """A link to an absolute address."""
    return f"[{escaped(title)}]({address(url)})"


def address(url: str) -> str:
    """An address as the destination of a link."""
    return quote(url, safe=_URL_SAFE)


def fence(code: str, language: str = "") -> list[str]:
    """A block of code, none where there is no code."""
    longest = max((len(run) for run in _BACKTICKS.findall(code)), default=0)
    mark = "`" * max(3, longest + 1)
    return [f"{mark}{language}\n{code}\n{mark}"] if code.strip() else []


def headed(markdown: str, top: int) -> str:
    """``markdown`` with its headings at level ``top`` and below, none of them skipping a level."""
    above: list[int] = []  # the levels that a heading stands under, as they were
    return outside_fences(
        markdown, lambda text: _HEADING.sub(lambda found: _at_level(found, above, top), text)
    )


def blocks_of(markdown: str) -> list[str]:
    """What empty lines part; code is one block, whatever is in it."""
    blocks: list[list[str]] = [[]]
    for is_code, line in _marked_code(markdown.split("\n")):
        if line or is_code:
            blocks[-1].append(line)
        elif blocks[-1]:
            blocks.append([])
    return ["\n".join(lines) for lines in blocks if lines]


def shown_text(markdown: str) -> str:
    """``markdown`` without addresses and fences; its other marks are left in."""
    return _UNSHOWN.sub(r"\1", markdown)


def outside_fences(markdown: str, change: Callable[[str], str]) -> str:
    """``markdown`` with all stretches of lines changed that are no block of code."""
    changed = []
    for is_code, lines in groupby(_marked_code(markdown.split("\n")), key=itemgetter(0)):
        text = "\n".join(line for _, line in lines)
        changed.append(text if is_code else change(text))
    return "\n".join(changed)


def _marked_code(lines: list[str]) -> Iterator[tuple[bool, str]]:
    """Each line, and whether it is within a fence that begins at the left, or is one."""
    mark = ""
    for line in lines:
        opening = None if mark else _FENCE_LINE.fullmatch(line)
        yield bool(mark or opening), line
        if opening:
            mark = opening[1]
        elif line == mark:
            mark = ""


def _at_level(heading: re.Match[str], above: list[int], top: int) -> str:
    level = len(heading[1])
    while above and above[-1] >= level:
        above.pop()
    above.append(level)
    return f"{'#' * min(top + len(above) - 1, _MOST_LEVELS)} {heading[2]}"


def _marked(line: str) -> str:
    return f"\\{line}" if _BLOCK_START.match(line) else line


def harmless(markdown: str) -> str:
    """``markdown`` without raw HTML and without links that run code or hold data."""
    lines = markdown.split("\n")
    shown: list[str] = []
    kinds = zip(_fenced(lines), (not line.strip() for line in lines), lines, strict=True)
    for (is_code, _), paragraph in groupby(kinds, key=itemgetter(0, 1)):
        text = [line for *_, line in paragraph]
        shown += text if is_code else _without_tags(text)
    return _DESTINATION.sub(_checked, "\n".join(shown))


def _without_tags(paragraph: list[str]) -> list[str]:
    """The lines without anything that opens a tag; what is surely code within a line stays."""
    has_spans = all(map(_is_clear, paragraph))
    pieces = [line.split("`") if has_spans else [line] for line in paragraph]
    for line in pieces:
        line[::2] = [_TAG_OPENING.sub(_unopened, text) for text in line[::2]]
    return ["`".join(line) for line in pieces]


def _is_clear(line: str) -> bool:
    """Whether every reader of Markdown sees the same code spans in a line, and none goes on."""
    marks = line.count("`")
    odd = marks % 2 or any(mark in line for mark in ("``", "\\`", "|"))
    return not marks or not odd


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
