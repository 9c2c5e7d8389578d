"""Convert a part of a page to sanitised Markdown, block by block."""

import re
from collections.abc import Iterable, Iterator
from itertools import groupby

from selectolax.lexbor import LexborHTMLParser, LexborNode

from services.processor.extract.html.document import Document
from services.processor.extract.markdown import table
from services.processor.extract.markdown.inline import Inline, drop_invisible, is_dropped, is_inline
from services.processor.extract.markdown.markdown import fence_code, shift_headings

_MAX_DEPTH = 60  # nested blocks; deeper ones are reduced to text
_ITEM = re.compile(r"(?:-|\d+\.) ")
_NEEDS_OWN_LINE = re.compile(r"(?:-|\d+\.|>|\|) |```")  # blocks that need a line of their own
_COLON = re.compile(r"\s*:\*\*\Z")  # a term may already end with a colon
_LANGUAGE = re.compile(r"(?:^|\s)(?:lang(?:uage)?-|highlight-|brush:\s*)([\w+#-]{1,20})")
_MAX_DIGITS = 5  # of a list's first number


def fragment_markdown(fragment: str | LexborNode, base: str = "") -> str:
    """Convert an HTML fragment; headings begin at level 2 and are consecutive.

    The result has no raw HTML, and links only to the web or mail. Images keep their URLs.

    Args:
        fragment: HTML, or a node of a page.
        base: the base of relative links; they are dropped if it is "".
    """
    node = LexborHTMLParser(fragment).body if isinstance(fragment, str) else fragment
    blocks = [] if node is None else _Writer(Inline(base)).block(node)
    return shift_headings("\n\n".join(blocks), top=2)


def nodes_markdown(document: Document, nodes: Iterable[LexborNode]) -> str | None:
    """Convert the nodes one after another."""
    blocks = (fragment_markdown(node, document.base) for node in nodes)
    return "\n\n".join(filter(None, blocks)) or None


def code_in(node: LexborNode) -> str:
    """Return the text of a node, with its line breaks."""
    text = drop_invisible("".join(_parts(node))).strip("\n")
    return "\n".join(line.rstrip() for line in text.split("\n"))


def language_of(node: LexborNode) -> str:
    """Return the programming language that a code block declares, or ""."""
    candidates = (node, node.css_first("code"), node.parent)
    for each in filter(None, candidates):
        if match := _LANGUAGE.search(each.attributes.get("class") or ""):
            return match[1].lower()
    return ""


class _Writer:
    """Writes blocks, each a string with text at both ends."""

    def __init__(self, inline: Inline, depth: int = 0, *, in_list: bool = False) -> None:
        self._inline = inline
        self._depth = depth
        self._in_list = in_list  # or in a quotation: headings become bold text

    def block(self, node: LexborNode) -> list[str]:
        """Write a block element."""
        match node.tag:
            case "h1" | "h2" | "h3" | "h4" | "h5" | "h6":
                return self._heading(node)
            case "pre":
                return fence_code(code_in(node), language_of(node))
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
        """Write the content of a node."""
        if self._depth > _MAX_DEPTH:
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
        items = [blocks for item in _children(node) if (blocks := self._item(item))]
        first = _first_number(node)
        marks = (f"{first + n}." if node.tag == "ol" else "-" for n in range(len(items)))
        return _format_list(zip(marks, items, strict=True))

    def _item(self, node: LexborNode) -> list[str]:
        return self._inline.paragraphs([node]) if node.tag == "-text" else self._within(node)

    def _definitions(self, node: LexborNode) -> list[str]:
        """Write terms, each with its definition."""
        items: list[list[str]] = []
        terms: list[str] = []
        for child in _iterate_terms(node):
            if child.tag == "dt":
                terms.append(self._inline.line(child, strong=True))
            elif blocks := self._item(child):
                items.append(_join_definition(terms, blocks))
                terms = []
        items += [[term] for term in terms if term]
        return _format_list(("-", blocks) for blocks in items)

    def _table(self, node: LexborNode) -> list[str]:
        """Write a table; if it is only layout, write the content of its cells."""
        rows = table.table_rows(node)
        if not rows:
            return self._within(node, in_list=self._in_list)
        caption = node.css_first("caption")
        above = self._inline.paragraphs(caption.iter(include_text=True)) if caption else []
        return [*above, table.format_table(rows, self._inline.line)]


def _children(node: LexborNode) -> Iterator[LexborNode]:
    return (child for child in node.iter(include_text=True) if not is_dropped(child))


def _iterate_terms(node: LexborNode) -> Iterator[LexborNode]:
    """Yield terms and definitions; each pair may be wrapped in a div."""
    for child in _children(node):
        yield from _children(child) if child.tag == "div" else (child,)


def _first_number(node: LexborNode) -> int:
    start = node.attributes.get("start") or ""
    return int(start) if start.isdecimal() and len(start) <= _MAX_DIGITS else 1


def _join_definition(terms: list[str], blocks: list[str]) -> list[str]:
    """Put the first paragraph beside the terms, the rest below."""
    term = _COLON.sub("**", ", ".join(filter(None, terms)))
    if not term:
        return blocks
    if _NEEDS_OWN_LINE.match(blocks[0]):
        return [f"{term}:", *blocks]
    return [f"{term}: {blocks[0]}", *blocks[1:]]


def _format_list(items: Iterable[tuple[str, list[str]]]) -> list[str]:
    """Join the items to one block, with lines indented behind their marks."""
    texts = []
    for mark, (first, *more) in items:
        text = first + "".join(f"{_gap(block)}{block}" for block in more)
        indent = "\n" + " " * (len(mark) + 1)
        lines = text.replace("\n", indent).replace(f"{indent}\n", "\n\n")
        texts.append(f"{mark} {lines}")
    is_wide = any("\n\n" in item for item in texts)
    return [("\n\n" if is_wide else "\n").join(texts)] if texts else []


def _gap(block: str) -> str:
    """Return the gap before a block: a nested list follows directly."""
    return "\n" if _ITEM.match(block) else "\n\n"


def _parts(node: LexborNode) -> Iterator[str]:
    for child in node.traverse(include_text=True):
        yield "\n" if child.tag == "br" else child.text_content or ""
