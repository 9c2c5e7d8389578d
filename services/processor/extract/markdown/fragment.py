"""A part of a page as Markdown, written block by block: harmless, since nothing passes unread."""

import re
from collections.abc import Iterable, Iterator
from itertools import groupby

from selectolax.lexbor import LexborHTMLParser, LexborNode

from services.processor.extract.html.document import Document
from services.processor.extract.markdown import table
from services.processor.extract.markdown.inline import Inline, is_dropped, is_inline, seen
from services.processor.extract.markdown.markdown import fence, headed

_DEEPEST = 60  # blocks within blocks; below it nothing but text is taken
_ITEM = re.compile(r"(?:-|\d+\.) ")
_BELOW = re.compile(r"(?:-|\d+\.|>|\|) |```")  # what begins no paragraph
_COLON = re.compile(r"\s*:\*\*\Z")  # that a term ends with already
_MOST_DIGITS = 5  # of a number that a list begins with


def fragment_markdown(fragment: str | LexborNode, base: str = "") -> str:
    """The Markdown of an HTML fragment; its headings begin at level 2 and skip none.

    Never raw HTML, never a link to anything but the web or a mail address. Images stay at their
    own addresses.

    Args:
        fragment: HTML, or a node of a page.
        base: what relative links are relative to; without it they are no links.
    """
    node = LexborHTMLParser(fragment).body if isinstance(fragment, str) else fragment
    blocks = [] if node is None else _Writer(Inline(base)).block(node)
    return headed("\n\n".join(blocks), top=2)


class _Writer:
    """Writes blocks, each a string without an empty line at its ends."""

    def __init__(self, inline: Inline, depth: int = 0, *, in_list: bool = False) -> None:
        self._inline = inline
        self._depth = depth
        self._in_list = in_list  # or in a quotation: where a heading heads nothing

    def block(self, node: LexborNode) -> list[str]:
        """A node that stands on lines of its own."""
        match node.tag:
            case "h1" | "h2" | "h3" | "h4" | "h5" | "h6":
                return self._heading(node)
            case "pre":
                return fence(code_in(node), language_of(node))
            case "blockquote":
                return self._quote(node)
            case "ul" | "ol" | "menu":
                return self._items(node)
            case "dl":
                return self._definitions(node)
            case "table":
                return self._table(node)
            case "hr":
                return ["* * *"]
            case _:
                return self._within(node, in_list=self._in_list)

    def _within(self, node: LexborNode, *, in_list: bool = True) -> list[str]:
        """What a node contains."""
        if self._depth > _DEEPEST:
            return self._inline.paragraphs([node])
        writer = _Writer(self._inline, self._depth + 1, in_list=in_list)
        blocks: list[str] = []
        for in_line, children in groupby(_children(node), key=is_inline):
            if in_line:
                blocks += self._inline.paragraphs(children)
            else:
                blocks += (block for child in children for block in writer.block(child))
        return blocks

    def _heading(self, node: LexborNode) -> list[str]:
        text = self._inline.line(node, strong=self._in_list)
        mark = "" if self._in_list else "#" * int((node.tag or "")[1]) + " "
        return [f"{mark}{text}"] if text else []

    def _quote(self, node: LexborNode) -> list[str]:
        text = "\n\n".join(self._within(node))
        return ["\n".join(f"> {line}".rstrip() for line in text.split("\n"))] if text else []

    def _items(self, node: LexborNode) -> list[str]:
        written = [blocks for item in _children(node) if (blocks := self._item(item))]
        first = _first_number(node)
        marks = (f"{first + n}." if node.tag == "ol" else "-" for n in range(len(written)))
        return _listed(zip(marks, written, strict=True))

    def _item(self, node: LexborNode) -> list[str]:
        return self._inline.paragraphs([node]) if node.tag == "-text" else self._within(node)

    def _definitions(self, node: LexborNode) -> list[str]:
        """Terms, each with what is said of it."""
        written: list[list[str]] = []
        terms: list[str] = []
        for child in _grouped(node):
            if child.tag == "dt":
                terms.append(self._inline.line(child, strong=True))
            elif blocks := self._item(child):
                written.append(_defined(terms, blocks))
                terms = []
        written += [[term] for term in terms if term]
        return _listed(("-", blocks) for blocks in written)

    def _table(self, node: LexborNode) -> list[str]:
        """A table where it is one; where it only lays out the page, what its cells contain."""
        rows = table.rows_of(node)
        if not rows:
            return self._within(node, in_list=self._in_list)
        caption = node.css_first("caption")
        above = self._inline.paragraphs(caption.iter(include_text=True)) if caption else []
        return [*above, table.written(rows, self._inline.line)]


def _children(node: LexborNode) -> Iterator[LexborNode]:
    return (child for child in node.iter(include_text=True) if not is_dropped(child))


def _grouped(node: LexborNode) -> Iterator[LexborNode]:
    """Terms and definitions, also where each pair of them is in a div."""
    for child in _children(node):
        yield from _children(child) if child.tag == "div" else (child,)


def _first_number(node: LexborNode) -> int:
    start = node.attributes.get("start") or ""
    return int(start) if start.isdecimal() and len(start) <= _MOST_DIGITS else 1


def _defined(terms: list[str], blocks: list[str]) -> list[str]:
    """The first paragraph beside the terms, all else below them."""
    term = _COLON.sub("**", ", ".join(filter(None, terms)))
    if not term:
        return blocks
    if _BELOW.match(blocks[0]):
        return [f"{term}:", *blocks]
    return [f"{term}: {blocks[0]}", *blocks[1:]]


def _listed(items: Iterable[tuple[str, list[str]]]) -> list[str]:
    """All items as one block, their lines moved behind their marks."""
    written = []
    for mark, (first, *more) in items:
        text = first + "".join(f"{_gap(block)}{block}" for block in more)
        indent = "\n" + " " * (len(mark) + 1)
        lines = text.replace("\n", indent).replace(f"{indent}\n", "\n\n")
        written.append(f"{mark} {lines}")
    is_wide = any("\n\n" in item for item in written)
    return [("\n\n" if is_wide else "\n").join(written)] if written else []


def _gap(block: str) -> str:
    """A list within an item follows closely, anything else after an empty line."""
    return "\n" if _ITEM.match(block) else "\n\n"


def body_of(document: Document, nodes: Iterable[LexborNode]) -> str | None:
    """The nodes one after another; None where they say nothing."""
    written = (fragment_markdown(node, document.base) for node in nodes)
    return "\n\n".join(filter(None, written)) or None


_LANGUAGE = re.compile(r"(?:^|\s)(?:lang(?:uage)?-|highlight-|brush:\s*)([\w+#-]{1,20})")


def code_in(node: LexborNode) -> str:
    """The text of a node, line by line as it is."""
    text = seen("".join(_parts(node))).strip("\n")
    return "\n".join(line.rstrip() for line in text.split("\n"))


def language_of(node: LexborNode) -> str:
    """What a block of code says it is written in; "" where it says nothing."""
    around = (node, node.css_first("code"), node.parent)
    for each in filter(None, around):
        if found := _LANGUAGE.search(each.attributes.get("class") or ""):
            return found[1].lower()
    return ""


def _parts(node: LexborNode) -> Iterator[str]:
    for child in node.traverse(include_text=True):
        yield "\n" if child.tag == "br" else child.text_content or ""
