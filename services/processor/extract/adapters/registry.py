"""All adapters; they recognise pages by markup, so copies on other hosts count, too."""

from services.processor.extract.adapters import fosdem, frab, frab_cards, media_ccc, pretalx
from services.processor.extract.facts import Facts
from services.processor.extract.html.document import Document

_ADAPTERS = (fosdem, pretalx, media_ccc, frab, frab_cards)


def read(document: Document) -> tuple[str, Facts] | None:
    """Return the name and facts of the first adapter that finds a title."""
    for adapter in _ADAPTERS:
        facts = adapter.read(document)
        if facts is not None and facts.title:
            return adapter.NAME, facts
    return None
