"""Extract the main text: by trafilatura, or the whole main part."""

import re
from itertools import dropwhile

import msgspec

from services.processor.extract.html.document import Document, match_key
from services.processor.extract.markdown import trafilatura_text
from services.processor.extract.markdown.fragment import fragment_markdown

_SHORT_TEXT = 250  # characters; of a shorter text other modes may find more
_TOP_LINES = 6  # a label or two may stand above the title
_MARKUP = re.compile(r"!?\[([^\]]*)\]\([^)]*\)|[#*_`>|~-]+")
_HEADING = re.compile(r"#{1,6} +(.*)")


class Text(msgspec.Struct, frozen=True):
    """Markdown, and the method that extracted it."""

    markdown: str
    method: str

    @property
    def words(self) -> int:
        """Number of words, markup and URLs excluded."""
        return count_words(self.markdown)


def count_words(markdown: str) -> int:
    """Count the words, markup and URLs excluded."""
    return len(_MARKUP.sub(r" \1 ", markdown).split())


def read(document: Document, title: str) -> Text:
    """Extract the main text as sanitised Markdown, and drop the title from it."""
    text = Text(_extract(document), "trafilatura")
    if len(text.markdown) < _SHORT_TEXT:
        other = Text(fragment_markdown(document.content, document.base), "semantic")
        text = max(text, other, key=lambda found: found.words)
    return Text(_drop_title(title, text.markdown), text.method)


def _extract(document: Document) -> str:
    html = document.head.html or ""
    markdown = fragment_markdown(trafilatura_text.extract(html), document.base)
    if len(markdown) < _SHORT_TEXT:
        more = fragment_markdown(trafilatura_text.extract(html, favor_recall=True), document.base)
        markdown = max(markdown, more, key=len)
    return markdown


def _drop_title(title: str, markdown: str) -> str:
    """Drop a heading near the top, or a first line, that only repeats the title."""
    lines, key = markdown.lstrip().split("\n"), match_key(title)
    for index, line in enumerate(lines[:_TOP_LINES]):
        heading = _HEADING.fullmatch(line.strip())
        if (heading or index == 0) and match_key(heading[1] if heading else line) == key:
            rest = dropwhile(lambda line: not line, lines[index + 1 :])
            return "\n".join([*lines[:index], *rest])
    return markdown
