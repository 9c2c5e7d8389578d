"""Ways from one element of a page to those that belong to it."""

from collections.abc import Iterable, Iterator

from selectolax.lexbor import LexborHTMLParser, LexborNode

from services.processor.extract.document import text_of


def after(node: LexborNode) -> Iterator[LexborNode]:
    """What follows within the same parent, text included."""
    following = node.next
    while following is not None:
        yield following
        following = following.next


def elements_after(node: LexborNode) -> Iterator[LexborNode]:
    """The elements that follow within the same parent."""
    return (each for each in after(node) if each.tag and not each.tag.startswith("-"))


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
