"""Rung: a schema.org Event in microdata that describes this session."""

from selectolax.lexbor import LexborNode

from services.processor.extract.facts import Facts
from services.processor.extract.html.document import Document, attribute, text_of
from services.processor.extract.rungs.schema_org import Json, event_facts, is_event

MAX_EVENTS = 100  # more is a list of sessions
MAX_PROPERTIES = 200
_MAX_DEPTH = 3  # items within items: an event, its place, its address
_ADDRESSES = frozenset({"url", "sameAs", "contentUrl", "embedUrl", "image", "license"})


def read(document: Document) -> Facts:
    """Return the facts of the matching Event, if any."""
    events = [
        node
        for node in document.head.css("[itemscope][itemtype]")
        if is_event(attribute(node, "itemtype").rstrip("/"))
    ]
    for event in events[:MAX_EVENTS]:
        if facts := event_facts(_read_item(event, _MAX_DEPTH), document):
            return facts
    return Facts()


def _read_item(scope: LexborNode, depth: int) -> dict[str, Json]:
    """Convert an item to the shape of JSON-LD, nested items included."""
    item: dict[str, Json] = {}
    for node in scope.css("[itemprop]")[:MAX_PROPERTIES] if depth else ():
        if node.mem_id != scope.mem_id and _scope_of(node) == scope.mem_id:
            within = _read_item(node, depth - 1) if "itemscope" in node.attributes else None
            for name in attribute(node, "itemprop").split():
                item.setdefault(name, []).append(within or _read_value(node, name))
    return {name: values[0] if len(values) == 1 else values for name, values in item.items()}


def _scope_of(node: LexborNode) -> int | None:
    """Return the item that a property belongs to: the nearest one around it."""
    ancestor = node.parent
    while ancestor is not None and "itemscope" not in ancestor.attributes:
        ancestor = ancestor.parent
    return ancestor.mem_id if ancestor is not None else None


def _read_value(node: LexborNode, name: str) -> str:
    """Return the value of a property: an address or a text, depending on its name."""
    if name in _ADDRESSES:
        return attribute(node, "href") or attribute(node, "src") or text_of(node)
    return attribute(node, "content") or attribute(node, "datetime") or text_of(node)
