"""The main text as Markdown: what trafilatura takes for it, or the main part as it is."""

import re
from itertools import dropwhile

import msgspec

from services.processor.extract.html.document import Document, alike
from services.processor.extract.markdown import trafilatura_text
from services.processor.extract.markdown.fragment import fragment_markdown

_SHORT = 250  # characters; below it trafilatura's other mode may find more
_TOP_LINES = 6  # a label or two may precede the heading
_MARKUP = re.compile(r"!?\[([^\]]*)\]\([^)]*\)|[#*_`>|~-]+")
_HEADING = re.compile(r"#{1,6} +(.*)")


class Text(msgspec.Struct, frozen=True):
    """Markdown, and who made it."""

    markdown: str
    method: str

    @property
    def words(self) -> int:
        """How many words it has, markup and addresses not counted."""
        return words_in(self.markdown)


def words_in(markdown: str) -> int:
    """How many words there are, markup and addresses not counted."""
    return len(_MARKUP.sub(r" \1 ", markdown).split())


def read(document: Document, title: str) -> Text:
    """The main text without its title, as harmless Markdown."""
    text = Text(_chosen(document), "trafilatura")
    if len(text.markdown) < _SHORT:
        other = Text(fragment_markdown(document.content, document.base), "semantic")
        text = max(text, other, key=lambda found: found.words)
    return Text(_without(title, text.markdown), text.method)


def _chosen(document: Document) -> str:
    html = document.head.html or ""
    markdown = fragment_markdown(trafilatura_text.main_text(html), document.base)
    if len(markdown) < _SHORT:
        more = fragment_markdown(trafilatura_text.main_text(html, favor_recall=True), document.base)
        markdown = max(markdown, more, key=len)
    return markdown


def _without(title: str, markdown: str) -> str:
    """``markdown`` without a heading near its top, or a first line, that only repeats the title."""
    lines = markdown.lstrip().split("\n")
    for index, line in enumerate(lines[:_TOP_LINES]):
        heading = _HEADING.fullmatch(line.strip())
        if (heading or index == 0) and alike(heading[1] if heading else line) == alike(title):
            after = dropwhile(lambda line: not line, lines[index + 1 :])
            return "\n".join([*lines[:index], *after])
    return markdown
