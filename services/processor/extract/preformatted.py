"""Code on a page: its text as it is, and the language it is in."""

import re
from collections.abc import Iterator

from selectolax.lexbor import LexborNode

from services.processor.extract.markdown.inline import seen

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
