"""The main text without what is said elsewhere in the same Markdown.

General pages show a session's room, time and speakers among its text; we show them above and below.
Only what is known as a fact goes: what no rule has understood stays.
"""

import re

from services.processor.extract.facts import Facts
from services.processor.extract.html.document import alike
from services.processor.extract.markdown.markdown import blocks_of, shown_text
from services.processor.extract.rungs.labels import field_of

_HEADING = re.compile(r"(#{1,6}) ")
_ITEM = re.compile(r"- (?! )")
_LONGEST_VALUE = 200  # characters; more is a text and no fact
_SHORTEST_BIO = 30  # letters; less may stand anywhere by chance


def without_repeats(body: str, facts: Facts) -> str:
    """``body`` without facts that are known, and without headings that nothing is left under."""
    known = _Known(facts)
    kept: list[str] = []  # from the end
    has_lost = False
    for block in reversed(blocks_of(body)):
        is_empty = _level(block) > 0 and (not kept or 0 < _level(kept[-1]) <= _level(block))
        left = "" if is_empty and has_lost else known.unsaid(block)
        has_lost = has_lost and not left if _level(block) else len(left) < len(block)
        if left:
            kept.append(left)
    return "\n\n".join(reversed(kept))


class _Known:
    """What the rest of the Markdown says."""

    def __init__(self, facts: Facts) -> None:
        when = facts.start or facts.start_raw
        self._fields = {
            "room": facts.room,
            "place": facts.room,
            "speakers": facts.speakers,
            "tags": facts.tags,
            "track": facts.track,
            "type": facts.type,
            "language": facts.language,
            **dict.fromkeys(("when", "day", "time", "start"), when),
            **dict.fromkeys(("end", "duration"), facts.end or facts.end_raw),
        }
        single = (facts.subtitle, facts.type, facts.room, facts.track)
        names = (speaker.name for speaker in facts.speakers)
        self._texts = {alike(text) for text in (*single, *names) if text}
        self._bios = [alike(speaker.bio) for speaker in facts.speakers if speaker.bio]

    def unsaid(self, block: str) -> str:
        """What of a block is new."""
        if _level(block):
            return block
        text = alike(shown_text(block))
        is_bio = len(text) >= _SHORTEST_BIO and any(text in bio for bio in self._bios)
        if is_bio or text in self._texts:
            return ""
        lines = block.split("\n")
        new = [line for line in lines if not self._is_labelled(line)]
        is_list = all(map(_ITEM.match, lines))
        return "\n".join(new) if is_list or not new else block

    def _is_labelled(self, line: str) -> bool:
        """Whether a line is ``Room: Janson``, and the room is known."""
        text = shown_text(line).removeprefix("- ").replace("*", "")
        label, _, value = text.partition(":")
        field = field_of(label) if value and len(value) <= _LONGEST_VALUE else None
        return bool(field and self._fields.get(field))


def _level(block: str) -> int:
    """The level of a heading; 0 for anything else."""
    found = _HEADING.match(block)
    return len(found[1]) if found else 0
