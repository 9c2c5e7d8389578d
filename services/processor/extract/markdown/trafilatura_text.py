"""Let trafilatura choose the main text, and return it as HTML.

Its own Markdown flattens definitions and code, so only its tree (TEI) is used.
"""

from typing import Any, TypeAlias

from lxml import etree  # type: ignore[import-untyped]  # its stubs are a package of their own

from services.processor.extract.markdown.trafilatura_input import FIRST_NUMBER, prepare_tree

Element: TypeAlias = Any  # of lxml

_TAGS = {
    "cell": "td",
    "graphic": "img",
    "item": "li",
    "lb": "br",
    "quote": "blockquote",
    "ref": "a",
    "row": "tr",
}
_MARKS = {"#b": "b", "#i": "i", "#sub": "sub", "#sup": "sup", "#t": "code"}
_LISTS = {"dl", "ol", "ul"}
_ITEMS = {"dd", "dt"}
_HEADINGS = {"h1", "h2", "h3", "h4", "h5", "h6"}


def extract(html: str, *, favor_recall: bool = False) -> str:
    """Return the main text of a page, or ""."""
    # Only parsing processes need it: importing it costs 0.25 s and 20 MB.
    import trafilatura  # noqa: PLC0415

    tree = trafilatura.load_html(html)
    if tree is None:
        return ""
    prepare_tree(tree)
    result: Any = trafilatura.bare_extraction(
        tree,
        include_comments=False,
        include_formatting=True,
        include_images=False,
        include_links=True,
        favor_recall=favor_recall,
    )
    if result is None:
        return ""
    for element in result.body.iter(etree.Element):
        _rename(element)
    text: str = etree.tostring(result.body, encoding="unicode", method="html")
    return text


def _rename(element: Element) -> None:
    """Rename a TEI element to its HTML name."""
    rend, tag = element.get("rend", ""), element.tag
    if tag == "head":
        element.tag = rend if rend in _HEADINGS else "h3"
    elif tag == "list":
        element.tag = rend if rend in _LISTS else "ul"
    elif rend.startswith(FIRST_NUMBER):
        element.tag = "li"
        element.getparent().set("start", rend.removeprefix(FIRST_NUMBER))
    elif tag == "item" and rend[:2] in _ITEMS:
        element.tag = rend[:2]
    elif tag == "hi":
        element.tag = _MARKS.get(rend, "span")
    elif tag == "cell" and element.get("role") == "head":
        element.tag = "th"
    elif tag == "code" and _is_block(element):
        element.tag = "pre"
    else:
        element.tag = _TAGS.get(tag, tag)
    if target := element.get("target"):
        element.set("href", target)


def _is_block(code: Element) -> bool:
    parent = code.getparent()
    return parent is not None and (parent.tag == "body" or code.find("code") is not None)
