"""Drop from the body what the front matter and its overview already say.

Only known facts are dropped; text that no rule has understood stays.
"""

import re

from services.processor.extract.facts import Facts
from services.processor.extract.html.document import match_key
from services.processor.extract.markdown.markdown import split_blocks, visible_text
from services.processor.extract.rungs.labels import field_for_label

_HEADING = re.compile(r"(#{1,6}) ")
_ITEM = re.compile(r"- (?! )")
_MAX_VALUE_LENGTH = 200  # characters; longer text is prose
_MIN_BIO_LENGTH = 30  # letters; a shorter match may be chance


def drop_repeats(body: str, facts: Facts) -> str:
    """Drop known facts from ``body``, and headings that lose all their content by it."""
    known = _KnownFacts(facts)
    kept: list[str] = []  # from the end, so that a heading knows what is left below it
    has_lost = False
    for block in reversed(split_blocks(body)):
        is_empty = _level(block) > 0 and (not kept or 0 < _level(kept[-1]) <= _level(block))
        remaining = "" if is_empty and has_lost else known.drop_known(block)
        has_lost = has_lost and not remaining if _level(block) else len(remaining) < len(block)
        if remaining:
            kept.append(remaining)
    return "\n\n".join(reversed(kept))


class _KnownFacts:
    """The facts that the Markdown shows elsewhere."""

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
        self._texts = {match_key(text) for text in (*single, *names) if text}
        self._bios = [match_key(speaker.bio) for speaker in facts.speakers if speaker.bio]

    def drop_known(self, block: str) -> str:
        """Return the new part of a block."""
        if _level(block):
            return block
        text = match_key(visible_text(block))
        is_bio = len(text) >= _MIN_BIO_LENGTH and any(text in bio for bio in self._bios)
        if is_bio or text in self._texts:  # the overview or the speakers' section has it
            return ""
        lines = block.split("\n")
        new = [line for line in lines if not self._is_labelled(line)]
        is_list = all(map(_ITEM.match, lines))
        return "\n".join(new) if is_list or not new else block

    def _is_labelled(self, line: str) -> bool:
        """True for a line such as ``Room: Janson`` if the room is known."""
        text = visible_text(line).removeprefix("- ").replace("*", "")
        label, _, value = text.partition(":")
        field = field_for_label(label) if value and len(value) <= _MAX_VALUE_LENGTH else None
        return bool(field and self._fields.get(field))


def _level(block: str) -> int:
    """Return the level of a heading; 0 for anything else."""
    match = _HEADING.match(block)
    return len(match[1]) if match else 0
