"""Navigate from one element of a page to related ones."""

import re
from collections.abc import Iterable, Iterator

from selectolax.lexbor import LexborHTMLParser, LexborNode

from services.processor.extract.html.document import attribute, text_of

_BETWEEN_WORDS = re.compile("[-_]+")
HEADINGS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})


def nodes_after(node: LexborNode) -> Iterator[LexborNode]:
    """Yield the following siblings, text included."""
    following = node.next
    while following is not None:
        yield following
        following = following.next


def elements_after(node: LexborNode) -> Iterator[LexborNode]:
    """Yield the following sibling elements."""
    return (each for each in nodes_after(node) if each.tag and not each.tag.startswith("-"))


def nodes_under(heading: LexborNode) -> Iterator[LexborNode]:
    """Yield everything under a heading, text included."""
    for each in nodes_after(heading):
        if each.tag in HEADINGS and (each.tag or "") <= (heading.tag or ""):
            return
        yield each


def select(nodes: Iterable[LexborNode], selector: str) -> list[LexborNode]:
    """Return the elements that the selector finds in the nodes, themselves included."""
    nodes_by_id: dict[int, LexborNode] = {}
    for node in nodes:
        if node.tag and not node.tag.startswith("-"):
            nodes_by_id.update((each.mem_id, each) for each in node.css(selector))
    return list(nodes_by_id.values())


def elements_with_class(root: LexborNode, words: frozenset[str]) -> Iterator[LexborNode]:
    """Yield the elements with a class that ends in one of ``words``: ``talk-room`` or ``room``."""
    for node in root.css(", ".join(f"[class*={word} i]" for word in sorted(words))):
        if any(ends[-1] in words for ends in class_parts(node)):
            yield node


def class_parts(node: LexborNode) -> Iterator[list[str]]:
    """Yield the words of each class of an element: ``sz-session__room`` has three."""
    for token in attribute(node, "class").casefold().split():
        yield _BETWEEN_WORDS.split(token.strip("-_"))


def select_first(root: LexborNode, selectors: Iterable[str]) -> LexborNode | None:
    """Return the first element that a selector finds; selectors are tried in order."""
    return next((found for each in selectors if (found := root.css_first(each))), None)


def element_under_heading(root: LexborNode, names: frozenset[str]) -> LexborNode | None:
    """Return the element after the first heading with one of ``names``, in lower case."""
    for heading in root.css("h2, h3, h4, h5, h6"):
        if text_of(heading).rstrip(": ").casefold() in names:
            return next(elements_after(heading), None)
    return None


def text_except(node: LexborNode, unwanted: str) -> str:
    """Return the text of a node, leaving out what the selector ``unwanted`` finds."""
    copy = LexborHTMLParser(node.html or "").body
    if copy is None:
        return ""
    for part in copy.css(unwanted):
        part.decompose()
    return text_of(copy)
