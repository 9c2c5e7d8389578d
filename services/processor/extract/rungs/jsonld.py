"""Rung: a schema.org Event in JSON-LD, if it is this session's."""

import json
import re
from collections.abc import Iterator
from typing import Any

from services.processor.extract.facts import Facts
from services.processor.extract.html.document import Document
from services.processor.extract.rungs.schema_org import Json, facts_of, is_event, listed

_COMMENT = re.compile(r"<!--|-->|/\*.*?\*/|^\s*//.*?$|<!\[CDATA\[|\]\]>", re.DOTALL | re.MULTILINE)
_NESTED = ("@graph", "mainEntity", "mainEntityOfPage", "subEvent", "about")
_DEEPEST = 5


def read(document: Document, *titles: str) -> Facts:
    """What the matching Event says; nothing where there is none.

    Args:
        document: the page.
        titles: what its title may be; without any, what the page shows as its title.
    """
    for node in document.head.css('script[type*="ld+json" i]'):
        for event in _events(_loaded(node.text()), _DEEPEST):
            if facts := facts_of(event, document, *titles):
                return facts
    return Facts()


def _loaded(text: str) -> Json:
    """The JSON, also where comments or control characters are in it; None where it is none."""
    for candidate in (text, _COMMENT.sub("", text)):
        try:
            return json.loads(candidate, strict=False)
        except (ValueError, RecursionError):
            continue
    return None


def _events(found: Json, depth: int) -> Iterator[dict[str, Any]]:
    if depth == 0:
        return
    if isinstance(found, list):
        for item in found:
            yield from _events(item, depth - 1)
    if isinstance(found, dict):
        if any(map(is_event, listed(found.get("@type")))):
            yield found
        for key in _NESTED:
            yield from _events(found.get(key), depth - 1)
