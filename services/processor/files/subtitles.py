"""What is said in a video, from its subtitles (WebVTT or SubRip)."""

import html
import re
from collections.abc import Iterator
from pathlib import Path

import msgspec

from services.processor.extract.html.document import clean
from services.processor.extract.html.encoding import decode

MOST_CHARACTERS = 1_000_000
PAUSE_S = 4.0  # of silence, that begins a new paragraph

_TIME = r"(?:(\d+):)?(\d\d?):(\d\d)[.,](\d{1,3})"
_TIMING = re.compile(rf"\s*{_TIME}\s*-->\s*{_TIME}")
_VOICE = re.compile(r"<v(?:\.[^\s>]*)?\s+([^>]{1,100})>")
_TAG = re.compile(r"</?[a-z][^>]*>|<\d[\d:.]*>|\{\\[^}]*\}", re.IGNORECASE)


class _Cue(msgspec.Struct):
    """What is shown at a time; in seconds."""

    start: float
    end: float
    lines: list[str]
    voice: str = ""


def transcript(path: Path, charset: str | None) -> str:
    """The words of the subtitles in ``path``: no times, no markup, nothing twice.

    Args:
        path: the file as it came.
        charset: what HTTP declared.
    """
    text, _ = decode(path.read_bytes(), charset)
    return "\n\n".join(map(" ".join, _paragraphs(text)))[:MOST_CHARACTERS]


def _paragraphs(text: str) -> list[list[str]]:
    """The lines of each paragraph; one begins after a pause and with another voice."""
    paragraphs: list[list[str]] = []
    before = _Cue(0.0, 0.0, [])
    for cue in _cues(text):
        fresh = [line for line in cue.lines if line not in before.lines]  # captions may roll
        if fresh and (cue.start - before.end > PAUSE_S or cue.voice != before.voice):
            paragraphs.append([])
        if fresh and not paragraphs:
            paragraphs.append([])
        for line in fresh:
            said = paragraphs[-1]
            if said and line.startswith(f"{said[-1]} "):
                said.pop()  # it is said again, with more words
            said.append(f"{cue.voice}: {line}" if cue.voice and not said else line)
        before = cue
    return paragraphs


def _cues(text: str) -> Iterator[_Cue]:
    """The cues in their order; notes, styles and names of cues are none."""
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
