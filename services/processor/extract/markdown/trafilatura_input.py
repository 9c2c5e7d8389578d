"""A page's tree as trafilatura can keep it: what it would drop or run together, put plainly."""

from typing import Any, TypeAlias

from lxml import etree  # type: ignore[import-untyped]  # its stubs are a package of their own

Element: TypeAlias = Any  # of lxml

FIRST = "first-"  # before the number that a list begins with, at its first item
_BLOCKS = ("blockquote", "dd", "dl", "dt", "li", "ol", "pre", "ul")
_ROWS = ("caption", "tbody", "td", "tfoot", "th", "thead", "tr")
_BETWEEN = {"dd": "; ", "dt": "; ", "li": "; ", "td": " ", "th": " "}


def prepare(tree: Element) -> None:
    """Change the tree where it stands."""
    for hidden in tree.xpath("//*[@hidden and @hidden != 'until-found']"):
        hidden.drop_tree()
    etree.strip_tags(tree, "time")
    for table in tree.xpath("//table[ancestor::li or ancestor::blockquote]"):
        _flatten(table, *_ROWS)
        table.tag = "p"
    for table in tree.xpath("//table[.//th][not(.//table)]"):
        _fit(table)
    for quote in tree.xpath("//blockquote//blockquote"):
        quote.tag = "div" if len(quote) else "p"
    _keep_figures(tree)
    for block in tree.iter("pre"):
        _mark_code(block)
    for first in tree.xpath("//ol[@start]/li[1]"):
        first.set("rend", f"{FIRST}{first.getparent().get('start')}")


def _fit(table: Element) -> None:
    """Each cell in a line, and the caption above."""
    for cell in table.iter("td", "th"):
        for block in cell.iter("pre"):
            block.tag = "code"
        _flatten(cell, *_BLOCKS)
    for caption in table.findall("caption"):
        caption.tag = "p"
        table.addprevious(caption)


def _flatten(element: Element, *tags: str) -> None:
    """Text in place of the blocks in an element, with something between them."""
    for block in list(element.iterdescendants(*tags)):
        previous = block.getprevious()
        if previous is None or block.tag not in _BETWEEN:
            block.text = f" {block.text or ''}"
        else:
            is_said = (previous.tag, block.tag) == ("dt", "dd")
            _end(previous, ": " if is_said else _BETWEEN[block.tag])
        if block.tag not in _BETWEEN:
            block.tail = f" {block.tail or ''}"
    etree.strip_tags(element, *tags)


def _end(element: Element, gap: str) -> None:
    """Let ``gap`` follow an element, and no space before it."""
    if len(element) == 0:
        element.text = (element.text or "").rstrip().removesuffix(gap.strip() or " ")
    element.tail = f"{(element.tail or '').rstrip()}{gap}"


def _keep_figures(tree: Element) -> None:
    """What is in a figure, and what is written below it."""
    for figure in tree.iter("figure"):
        figure.tag = "div"
    for caption in tree.iter("figcaption"):
        caption.tag = "div" if caption.find("p") is not None else "p"


def _mark_code(block: Element) -> None:
    if block.find(".//code") is None:
        code = etree.SubElement(block, "code")
        code.text, block.text = block.text, None
        code.extend(block[:-1])
