"""The main text that an adapter has found, as harmless Markdown."""

from collections.abc import Iterable

import markdownify
from selectolax.lexbor import LexborHTMLParser, LexborNode

from services.processor.extract.document import Document, attribute
from services.processor.extract.markdown import harmless


def body_of(document: Document, nodes: Iterable[LexborNode]) -> str | None:
    """The nodes one after another; None where they say nothing."""
    written = (_written(document, node) for node in nodes)
    return "\n\n".join(filter(None, written)) or None


def _written(document: Document, node: LexborNode) -> str:
    part = LexborHTMLParser(node.html or "")
    for unwanted in part.css("script, style, template, form, button, svg, object, iframe, img"):
        unwanted.decompose()
    for link in part.css("a[href]"):
        if url := document.absolute(attribute(link, "href")):
            link.attrs["href"] = url
        else:
            link.unwrap()
    try:
        found = markdownify.markdownify(part.html or "", heading_style="ATX")
    except RecursionError:  # nested a thousand times deep: nobody's text
        return ""
    return harmless(found.strip())
