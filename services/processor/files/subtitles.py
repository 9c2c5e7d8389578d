"""Turn subtitles (WebVTT or SubRip) into a transcript."""

import html
import re
from collections.abc import Iterator
from pathlib import Path

import msgspec

from services.processor.extract.html.document import clean
from services.processor.extract.html.encoding import decode

MAX_CHARACTERS = 1_000_000
PAUSE_S = 4.0  # a longer silence begins a new paragraph

_TIME = r"(?:(\d+):)?(\d\d?):(\d\d)[.,](\d{1,3})"
_TIMING = re.compile(rf"\s*{_TIME}\s*-->\s*{_TIME}")
_VOICE = re.compile(r"<v(?:\.[^\s>]*)?\s+([^>]{1,100})>")
_TAG = re.compile(r"</?[a-z][^>]*>|<\d[\d:.]*>|\{\\[^}]*\}", re.IGNORECASE)


class _Cue(msgspec.Struct):
    """One cue; times in seconds."""

    start: float
    end: float
    lines: list[str]
    voice: str = ""


def read_transcript(path: Path, charset: str | None) -> str:
    """Return the words of the subtitles in ``path``, free of times, markup and repetitions.

    Args:
        path: the file as downloaded.
        charset: declared by HTTP.
    """
    text, _ = decode(path.read_bytes(), charset)
    return "\n\n".join(map(" ".join, _split_paragraphs(text)))[:MAX_CHARACTERS]


def _split_paragraphs(text: str) -> list[list[str]]:
    """Split the lines into paragraphs, at pauses and at changes of the voice."""
    paragraphs: list[list[str]] = []
    previous = _Cue(0.0, 0.0, [])
    for cue in _parse_cues(text):
        new_lines = [
            line for line in cue.lines if line not in previous.lines
        ]  # rolling captions repeat lines
        if new_lines and (cue.start - previous.end > PAUSE_S or cue.voice != previous.voice):
            paragraphs.append([])
        if new_lines and not paragraphs:
            paragraphs.append([])
        for line in new_lines:
            paragraph = paragraphs[-1]
            if paragraph and line.startswith(f"{paragraph[-1]} "):
                paragraph.pop()  # a growing line: keep its last form
            paragraph.append(f"{cue.voice}: {line}" if cue.voice and not paragraph else line)
        previous = cue
    return paragraphs


def _parse_cues(text: str) -> Iterator[_Cue]:
    """Yield the cues in order, skipping notes, styles and cue names."""
    cue: _Cue | None = None
    for line in text.splitlines():
        if timing := _TIMING.match(line):
            cue = _Cue(_seconds(timing.groups()[:4]), _seconds(timing.groups()[4:]), [])
        elif cue is None:
            continue
        elif line.strip():
            _add(cue, line)
        else:
            yield cue
            cue = None
    if cue is not None:
        yield cue


def _add(cue: _Cue, line: str) -> None:
    if voice := _VOICE.search(line):
        cue.voice = clean(html.unescape(voice[1]))
    if words := clean(html.unescape(_TAG.sub("", line))):
        cue.lines.append(words)


def _seconds(parts: tuple[str | None, ...]) -> float:
    hours, minutes, seconds, fraction = parts
    whole = int(hours or 0) * 3600 + int(minutes or 0) * 60 + int(seconds or 0)
    return whole + float(f"0.{fraction}")
