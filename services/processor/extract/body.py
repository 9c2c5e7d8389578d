"""The main text that an adapter has found, as harmless Markdown."""

from collections.abc import Iterable

from selectolax.lexbor import LexborNode

from services.processor.extract.html.document import Document
from services.processor.extract.markdown.fragment import fragment_markdown


def body_of(document: Document, nodes: Iterable[LexborNode]) -> str | None:
    """The nodes one after another; None where they say nothing."""
    written = (fragment_markdown(node, document.base) for node in nodes)
    return "\n\n".join(filter(None, written)) or None
