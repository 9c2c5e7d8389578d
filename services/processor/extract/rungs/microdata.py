"""Rung: a schema.org Event in microdata, if it is this session's."""

from selectolax.lexbor import LexborNode

from services.processor.extract.facts import Facts
from services.processor.extract.html.document import Document, attribute, text_of
from services.processor.extract.rungs.schema_org import Json, facts_of, is_event

MOST_EVENTS = 100  # more is a list of all sessions
MOST_PROPERTIES = 200
_DEEPEST = 3  # items within items: an event, its place, its address
_ADDRESSES = frozenset({"url", "sameAs", "contentUrl", "embedUrl", "image", "license"})


def read(document: Document) -> Facts:
    """What the matching Event says; nothing where there is none."""
    events = [
        node
        for node in document.head.css("[itemscope][itemtype]")
        if is_event(attribute(node, "itemtype").rstrip("/"))
    ]
    for event in events[:MOST_EVENTS]:
        if facts := facts_of(_item(event, _DEEPEST), document):
            return facts
    return Facts()


def _item(scope: LexborNode, depth: int) -> dict[str, Json]:
    """The properties of an item as JSON-LD would have them, items within it included."""
    item: dict[str, Json] = {}
    for node in scope.css("[itemprop]")[:MOST_PROPERTIES] if depth else ():
        if node.mem_id != scope.mem_id and _scope_of(node) == scope.mem_id:
            within = _item(node, depth - 1) if "itemscope" in node.attributes else None
            for name in attribute(node, "itemprop").split():
                item.setdefault(name, []).append(within or _value(node, name))
    return {name: values[0] if len(values) == 1 else values for name, values in item.items()}


def _scope_of(node: LexborNode) -> int | None:
    """The item that a property belongs to: the nearest around it."""
    around = node.parent
    while around is not None and "itemscope" not in around.attributes:
        around = around.parent
    return around.mem_id if around is not None else None


def _value(node: LexborNode, name: str) -> str:
    """What a property says; a link has an address and a name, by the property's name."""
    if name in _ADDRESSES:
        return attribute(node, "href") or attribute(node, "src") or text_of(node)
    return attribute(node, "content") or attribute(node, "datetime") or text_of(node)
