"""Ways from one element of a page to those that belong to it."""

import re
from collections.abc import Iterable, Iterator

from selectolax.lexbor import LexborHTMLParser, LexborNode

from services.processor.extract.html.document import attribute, text_of

_BETWEEN_WORDS = re.compile("[-_]+")
HEADINGS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})


def after(node: LexborNode) -> Iterator[LexborNode]:
    """What follows within the same parent, text included."""
    following = node.next
    while following is not None:
        yield following
        following = following.next


def elements_after(node: LexborNode) -> Iterator[LexborNode]:
    """The elements that follow within the same parent."""
    return (each for each in after(node) if each.tag and not each.tag.startswith("-"))


def section(heading: LexborNode) -> Iterator[LexborNode]:
    """All that stands under a heading, text included."""
    for each in after(heading):
        if each.tag in HEADINGS and (each.tag or "") <= (heading.tag or ""):
            return
        yield each


def within(nodes: Iterable[LexborNode], selector: str) -> list[LexborNode]:
    """What the selector finds in the nodes, themselves included."""
    found: dict[int, LexborNode] = {}
    for node in nodes:
        if node.tag and not node.tag.startswith("-"):
            found.update((each.mem_id, each) for each in node.css(selector))
    return list(found.values())


def classed(root: LexborNode, words: frozenset[str]) -> Iterator[LexborNode]:
    """The elements that a class calls one of ``words``, as in ``talk-room`` or ``room``."""
    for node in root.css(", ".join(f"[class*={word} i]" for word in sorted(words))):
        if any(ends[-1] in words for ends in class_parts(node)):
            yield node


def class_parts(node: LexborNode) -> Iterator[list[str]]:
    """The words of each class of an element: ``sz-session__room`` has three."""
    for token in attribute(node, "class").casefold().split():
        yield _BETWEEN_WORDS.split(token.strip("-_"))


def first_of(root: LexborNode, selectors: Iterable[str]) -> LexborNode | None:
    """The first that one of the selectors finds, the first selector being the best."""
    return next((found for each in selectors if (found := root.css_first(each))), None)


def under_heading(root: LexborNode, names: frozenset[str]) -> LexborNode | None:
    """The element after the first heading that says one of ``names``, in small letters."""
    for heading in root.css("h2, h3, h4, h5, h6"):
        if text_of(heading).rstrip(": ").casefold() in names:
            return next(elements_after(heading), None)
    return None


def text_without(node: LexborNode, unwanted: str) -> str:
    """The text of a node, but for what the selector ``unwanted`` finds in it."""
    copy = LexborHTMLParser(node.html or "").body
    if copy is None:
        return ""
    for part in copy.css(unwanted):
        part.decompose()
    return text_of(copy)
