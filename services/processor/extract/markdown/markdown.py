"""Write Markdown that is safe to show: no raw HTML, links only to web and mail."""

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
_NOT_VISIBLE = re.compile(r"!?\[([^\]]*)\]\([^)]*\)|^ *`{3,}.*$", re.MULTILINE)
_MAX_LEVEL = 6
_TAG_OPENING = re.compile(r"(\\*)<")
_DESTINATION = re.compile(r"\](\(|:)(\s*)([^\s)]*)")
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)
_ALLOWED = ("http:", "https:", "mailto:")
_ESCAPED = re.compile(r"\\([!-/:-@\[-`{-~])")
_INVISIBLE = re.compile(r"[\x00-\x20\x7f-\xa0\xad\u200b-\u200f\u2028-\u202f\u2060\ufeff]")
_BACKTICKS = re.compile(r"`+")
_FENCE = re.compile(r"```[\w+-]*\s*\Z")
_URL_SAFE = "".join(chr(c) for c in range(0x21, 0x7F) if chr(c) not in '()<>\\"`')


def escape_line(text: str) -> str:
    """Escape text for a line of its own."""
    return escape_start(escape(text))


def escape(text: str) -> str:
    """Escape text for use within a line."""
    return _SPECIAL.sub(r"\\\g<0>", text)


def escape_start(line: str) -> str:
    """Escape the start of a line that would begin a heading, a list or the like."""
    return _NUMBER.sub(r"\1\\\2", line, count=1) if _NUMBER.match(line) else _escape_block(line)


def format_link(title: str, url: str) -> str:
    """Format a link to an absolute URL."""
    return f"[{escape(title)}]({quote_url(url)})"


def quote_url(url: str) -> str:
    """Quote a URL as a link's destination."""
    return quote(url, safe=_URL_SAFE)


def fence_code(code: str, language: str = "") -> list[str]:
    """Format a block of code, if there is code."""
    longest = max((len(run) for run in _BACKTICKS.findall(code)), default=0)
    mark = "`" * max(3, longest + 1)
    return [f"{mark}{language}\n{code}\n{mark}"] if code.strip() else []


def shift_headings(markdown: str, top: int) -> str:
    """Move the headings to level ``top`` and below, in consecutive levels."""
    above: list[int] = []  # original levels of the headings above
    return map_prose(
        markdown, lambda text: _HEADING.sub(lambda found: _shift_heading(found, above, top), text)
    )


def split_blocks(markdown: str) -> list[str]:
    """Split at empty lines; a code block is one block."""
    blocks: list[list[str]] = [[]]
    for is_code, line in _mark_code(markdown.split("\n")):
        if line or is_code:
            blocks[-1].append(line)
        elif blocks[-1]:
            blocks.append([])
    return ["\n".join(lines) for lines in blocks if lines]


def visible_text(markdown: str) -> str:
    """Remove URLs and code fences; other marks stay."""
    return _NOT_VISIBLE.sub(r"\1", markdown)


def map_prose(markdown: str, change: Callable[[str], str]) -> str:
    """Apply ``change`` to all text outside code blocks."""
    parts = []
    for is_code, lines in groupby(_mark_code(markdown.split("\n")), key=itemgetter(0)):
        text = "\n".join(line for _, line in lines)
        parts.append(text if is_code else change(text))
    return "\n".join(parts)


def sanitize(markdown: str) -> str:
    """Remove raw HTML, and links that run code or hold data."""
    lines = markdown.split("\n")
    safe_lines: list[str] = []
    kinds = zip(_code_flags(lines), (not line.strip() for line in lines), lines, strict=True)
    for (is_code, _), paragraph in groupby(kinds, key=itemgetter(0, 1)):
        text = [line for *_, line in paragraph]
        safe_lines += text if is_code else _disarm_tags(text)
    return _DESTINATION.sub(_disarm_link, "\n".join(safe_lines))


def _mark_code(lines: list[str]) -> Iterator[tuple[bool, str]]:
    """Yield each line, with true if it belongs to a code block that starts at the left margin."""
    mark = ""
    for line in lines:
        opening = None if mark else _FENCE_LINE.fullmatch(line)
        yield bool(mark or opening), line
        if opening:
            mark = opening[1]
        elif line == mark:
            mark = ""


def _shift_heading(heading: re.Match[str], above: list[int], top: int) -> str:
    level = len(heading[1])
    while above and above[-1] >= level:
        above.pop()
    above.append(level)
    return f"{'#' * min(top + len(above) - 1, _MAX_LEVEL)} {heading[2]}"


def _escape_block(line: str) -> str:
    return f"\\{line}" if _BLOCK_START.match(line) else line


def _disarm_tags(paragraph: list[str]) -> list[str]:
    """Disarm everything that opens a tag; unambiguous code spans stay."""
    has_spans = all(map(_is_unambiguous, paragraph))
    pieces = [line.split("`") if has_spans else [line] for line in paragraph]
    for line in pieces:
        line[::2] = [_TAG_OPENING.sub(_disarm_tag, text) for text in line[::2]]
    return ["`".join(line) for line in pieces]


def _is_unambiguous(line: str) -> bool:
    """True if every Markdown reader sees the same code spans, all closed in this line."""
    marks = line.count("`")
    odd = marks % 2 or any(mark in line for mark in ("``", "\\`", "|"))
    return not marks or not odd


def _disarm_tag(match: re.Match[str]) -> str:
    backslashes = match[1]
    return match[0] if len(backslashes) % 2 else f"{backslashes}&lt;"


def _disarm_link(match: re.Match[str]) -> str:
    opening, space, destination = match.groups()
    decoded = _INVISIBLE.sub("", _ESCAPED.sub(r"\1", html.unescape(destination)))
    scheme = _SCHEME.match(decoded)
    if scheme is None or scheme[0].lower() in _ALLOWED:
        return match[0]
    return f"]\\{opening}{space}{destination}"  # escaped: shown as text


def _code_flags(lines: list[str]) -> list[bool]:
    """Return for each line, if it is code for every Markdown reader."""
    # Readers differ on fences that are indented, nested or never closed: then nothing is code.
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
