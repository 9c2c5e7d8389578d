"""Rung: a schema.org Event in JSON-LD that describes this session."""

import json
import re
from collections.abc import Iterator
from typing import Any

from services.processor.extract.facts import Facts
from services.processor.extract.html.document import Document
from services.processor.extract.rungs.schema_org import Json, as_list, event_facts, is_event

_COMMENT = re.compile(r"<!--|-->|/\*.*?\*/|^\s*//.*?$|<!\[CDATA\[|\]\]>", re.DOTALL | re.MULTILINE)
_NESTED = ("@graph", "mainEntity", "mainEntityOfPage", "subEvent", "about")
_MAX_DEPTH = 5


def read(document: Document, *titles: str) -> Facts:
    """Return the facts of the matching Event, if any.

    Args:
        document: the page.
        titles: accepted names; default: the title that the page shows.
    """
    for node in document.head.css('script[type*="ld+json" i]'):
        for event in _find_events(_load(node.text()), _MAX_DEPTH):
            if facts := event_facts(event, document, *titles):
                return facts
    return Facts()


def _load(text: str) -> Json:
    """Parse the JSON, tolerating comments and control characters."""
    for candidate in (text, _COMMENT.sub("", text)):  # real pages have comments in their JSON
        try:
            return json.loads(candidate, strict=False)
        except (ValueError, RecursionError):
            continue
    return None


def _find_events(value: Json, depth: int) -> Iterator[dict[str, Any]]:
    if depth == 0:
        return
    if isinstance(value, list):
        for item in value:
            yield from _find_events(item, depth - 1)
    if isinstance(value, dict):
        if any(map(is_event, as_list(value.get("@type")))):
            yield value
        for key in _NESTED:
            yield from _find_events(value.get(key), depth - 1)
