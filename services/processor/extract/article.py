"""The main text as Markdown: trafilatura's, or the main part as it is."""

import re

import markdownify
import msgspec
import trafilatura

from services.processor.extract.document import Document, alike

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
    """The main text without its title, as Markdown that may still hold raw HTML."""
    text = _by_trafilatura(document.html)
    if len(text.markdown) < _SHORT:
        other = Text(_converted(document), "semantic")
        text = max(text, other, key=lambda found: found.words)
    return Text(_without(title, text.markdown), text.method)


def _by_trafilatura(html: str) -> Text:
    markdown = _extracted(html, recall=False)
    if len(markdown) < _SHORT:
        markdown = max(markdown, _extracted(html, recall=True), key=len)
    return Text(markdown, "trafilatura")


def _extracted(html: str, *, recall: bool) -> str:
    found = trafilatura.extract(
        html,
        output_format="markdown",
        include_comments=False,
        include_links=True,
        favor_recall=recall,
    )
    return found or ""


def _converted(document: Document) -> str:
    fragment = document.content.html or ""
    try:
        return markdownify.markdownify(fragment, heading_style="ATX", strip=["img"]).strip()
    except RecursionError:  # nested a thousand times deep: nobody's text
        return ""


def _without(title: str, markdown: str) -> str:
    """``markdown`` without a heading near its top, or a first line, that only repeats the title."""
    lines = markdown.lstrip().split("\n")
    for index, line in enumerate(lines[:_TOP_LINES]):
        heading = _HEADING.fullmatch(line.strip())
        if (heading or index == 0) and alike(heading[1] if heading else line) == alike(title):
            return "\n".join([*lines[:index], *lines[index + 1 :]]).lstrip("\n")
    return markdown
