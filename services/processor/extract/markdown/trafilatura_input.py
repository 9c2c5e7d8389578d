"""Prepare a page's tree, so that trafilatura keeps what it would drop or join."""

from typing import Any, TypeAlias

from lxml import etree  # type: ignore[import-untyped]  # its stubs are a package of their own

Element: TypeAlias = Any  # of lxml

FIRST_NUMBER = "first-"  # marks a list's first item with the list's first number
_BLOCKS = ("blockquote", "dd", "dl", "dt", "li", "ol", "pre", "ul")
_ROWS = ("caption", "tbody", "td", "tfoot", "th", "thead", "tr")
_BETWEEN = {"dd": "; ", "dt": "; ", "li": "; ", "td": " ", "th": " "}


def prepare_tree(tree: Element) -> None:
    """Change the tree in place."""
    for hidden in tree.xpath("//*[@hidden and @hidden != 'until-found']"):
        hidden.drop_tree()
    etree.strip_tags(tree, "time")
    for table in tree.xpath("//table[ancestor::li or ancestor::blockquote]"):
        _flatten(table, *_ROWS)
        table.tag = "p"
    for table in tree.xpath("//table[.//th][not(.//table)]"):
        _simplify_cells(table)
    for quote in tree.xpath("//blockquote//blockquote"):
        quote.tag = "div" if len(quote) else "p"
    _keep_figures(tree)
    for block in tree.iter("pre"):
        _mark_code(block)
    for first in tree.xpath("//ol[@start]/li[1]"):
        first.set("rend", f"{FIRST_NUMBER}{first.getparent().get('start')}")


def _simplify_cells(table: Element) -> None:
    """Reduce each cell to a line, and move the caption above the table."""
    for cell in table.iter("td", "th"):
        for block in cell.iter("pre"):
            block.tag = "code"
        _flatten(cell, *_BLOCKS)
    for caption in table.findall("caption"):
        caption.tag = "p"
        table.addprevious(caption)


def _flatten(element: Element, *tags: str) -> None:
    """Replace the blocks in an element by text with separators."""
    for block in list(element.iterdescendants(*tags)):
        previous = block.getprevious()
        if previous is None or block.tag not in _BETWEEN:
            block.text = f" {block.text or ''}"
        else:
            is_definition = (previous.tag, block.tag) == ("dt", "dd")
            _append_gap(previous, ": " if is_definition else _BETWEEN[block.tag])
        if block.tag not in _BETWEEN:
            block.tail = f" {block.tail or ''}"
    etree.strip_tags(element, *tags)


def _append_gap(element: Element, gap: str) -> None:
    """Put ``gap`` after an element, and strip the space before it."""
    if len(element) == 0:
        element.text = (element.text or "").rstrip().removesuffix(gap.strip() or " ")
    element.tail = f"{(element.tail or '').rstrip()}{gap}"


def _keep_figures(tree: Element) -> None:
    """Keep the content of figures, and their captions."""
    for figure in tree.iter("figure"):
        figure.tag = "div"
    for caption in tree.iter("figcaption"):
        caption.tag = "div" if caption.find("p") is not None else "p"


def _mark_code(block: Element) -> None:
    if block.find(".//code") is None:
        code = etree.SubElement(block, "code")
        code.text, block.text = block.text, None
        code.extend(block[:-1])
