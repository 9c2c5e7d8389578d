"""A parsed page: where its content is, what its headings say, where its links lead."""

import re
import unicodedata
from collections.abc import Iterator
from functools import cached_property
from itertools import islice
from urllib.parse import urljoin, urlsplit

from selectolax.lexbor import LexborHTMLParser, LexborNode

from eventjob.domain.urls import check_url

MOST_PARTS = 10  # of a heading that may be the title

_NEVER_CONTENT = (
    "script, style, noscript, template, nav, footer, aside, dialog, svg, object, "
    "form:not(:has(h1, h2, main, article)), "  # some sites put whole pages into one
    "[class*=breadcrumb]"
)
_CONTENT = ("main", "[role=main]", "article", "#main", "#content", "body", "html")
_HEADINGS = ("h1", "h2", "h3")
_PARTING = "\x1e"  # ASCII's record separator
_INVISIBLE = re.compile(r"[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\ud800-\udfff]")
_NOT_ALPHANUMERIC = re.compile(r"[\W_]+")
_NEVER_TEXT = {"script", "style", "template", "noscript", "button"}
INLINE = frozenset(
    {"-text", "-comment", "a", "abbr", "b", "bdi", "bdo", "cite", "code", "data", "del", "dfn"}
    | {"em", "font", "i", "ins", "kbd", "mark", "q", "s", "samp", "small", "span", "strike"}
    | {"strong", "sub", "sup", "time", "tt", "u", "var", "wbr"}
)
_SEPARATOR = re.compile(r"\s+(?:[-|:\u00b7\u00bb\u2013\u2014]|::)\s+")


class Document:
    """A page as its rungs see it: ``head`` has everything, ``content`` only the main part.

    Args:
        html: the page.
        url: where it came from.
        session: what its job calls the session.
        event: what its job calls the conference.
    """

    def __init__(self, html: str, url: str, session: str, event: str = "") -> None:
        self.head = LexborHTMLParser(html)
        self.session = session
        self._event = event
        self.url = self.base = url
        base = self.head.css_first("base[href]")
        self.base = (base and self.absolute(attribute(base, "href"))) or url

    @cached_property
    def main(self) -> LexborNode:
        """The main part, its links as they are written."""
        return _main(self._tree)

    @cached_property
    def content(self) -> LexborNode:
        """The main part, its links absolute or gone."""
        return _main(self._linked)

    @cached_property
    def _tree(self) -> LexborHTMLParser:
        tree = self.head.clone()
        _strip(tree)
        return tree

    @cached_property
    def _linked(self) -> LexborHTMLParser:
        for node in self._tree.css("a[href]"):
            if url := self.absolute(attribute(node, "href")):
                node.attrs["href"] = url
            else:
                node.unwrap()
        for node in self._tree.css("img[src]"):
            if url := self.absolute(attribute(node, "src")):
                node.attrs["src"] = url
            else:
                node.decompose()
        return self._tree

    def absolute(self, reference: str) -> str | None:
        """The web address that a link leads to; None where it leads to none."""
        try:
            url = urljoin(self.base, reference.strip())
            check_url(url)
        except ValueError:
            return None
        return url

    def headings(self) -> Iterator[str]:
        """Titles that the page shows, the main part's h1 first; of each, what is marked in it."""
        shown = (node for tag in _HEADINGS for node in self.content.css(tag))
        for node in (*shown, *self.head.css("h1")):
            parts = (node, *islice(node.css("span, a, strong"), MOST_PARTS))
            yield from (text for part in parts if (text := text_of(part)))

    def meta(self, *names: str) -> str | None:
        """The content of the first meta element that has one of these names or properties."""
        for name in names:
            node = self.head.css_first(f'meta[property="{name}" i], meta[name="{name}" i]')
            if node and (content := clean(attribute(node, "content"))):
                return content
        return None

    def names(self) -> Iterator[str]:
        """Titles that the page declares: for those who share it, and for the window."""
        if declared := self.meta("og:title"):
            yield declared
        for node in self.head.css("head > title"):
            yield text_of(node)

    def declared(self) -> Iterator[str]:
        """The declared titles and their parts: ``Title - Conference`` has two."""
        for title in self.names():
            yield from (title, *_SEPARATOR.split(title))

    def shows(self, name: str) -> str | None:
        """The title on the page that is ``name``, but for case, spaces and punctuation."""
        wanted = alike(name)
        return self._titles.get(wanted) if wanted else None

    def title_like(self, name: str) -> str | None:
        """The page's title that is ``name``: stricter than `shows`, and never the conference."""
        wanted = alike(name)
        return None if not wanted or self.is_site(name) else self._own_titles.get(wanted)

    def is_site(self, name: str) -> bool:
        """Whether ``name`` is that of the conference or of its site."""
        return alike(name) in self._sites

    def without_site(self, title: str) -> str:
        """``title`` without the site's name before or behind it."""
        for found in _SEPARATOR.finditer(title):
            before, behind = title[: found.start()], title[found.end() :]
            if self.is_site(behind):
                return before
            if self.is_site(before):
                return behind
        return title

    @cached_property
    def _sites(self) -> set[str]:
        names = (self._event, self.meta("og:site_name") or "", self.meta("application-name") or "")
        return {alike(name) for name in names} - {""}

    @cached_property
    def _own_titles(self) -> dict[str, str]:
        """The job's session where it is shown; else h1s of the main part, and what is declared."""
        if asked := self.shows(self.session):
            return {alike(asked): asked}
        main = [text for node in self.content.css("h1") if (text := text_of(node))]
        shown = {alike(text) for node in self.content.css("h2, h3") if (text := text_of(node))}
        whole = [self.without_site(title) for title in self.names()]
        parts = (part for part in self.declared() if alike(part) in shown)
        return {alike(title): title for title in reversed([*main, *parts, *whole])}

    @cached_property
    def _titles(self) -> dict[str, str]:
        titles: dict[str, str] = {}
        for title in (*self.headings(), *self.declared()):
            titles.setdefault(alike(title), title)
        return titles


def attribute(node: LexborNode, name: str) -> str:
    """An attribute's value, "" where there is none."""
    return node.attributes.get(name) or ""


def text_of(*nodes: LexborNode) -> str:
    """All text of the nodes, in one line; there is a space only where one is seen."""
    return clean(" ".join("".join(_pieces(node, " ")) for node in nodes))


def lines_of(node: LexborNode) -> str:
    """All text of a node, each paragraph, heading, item or cell in a line of its own."""
    lines = "".join(_pieces(node, _PARTING)).split(_PARTING)
    return "\n".join(filter(None, map(clean, lines)))


def clean(text: str) -> str:
    """``text`` in one line, without control characters and what is no character."""
    return " ".join(_INVISIBLE.sub("", text).split())


def alike(text: str) -> str:
    """Equal for two titles that differ in case, spaces and punctuation only."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return _NOT_ALPHANUMERIC.sub("", folded)


def is_same_page(url: str, other: str) -> bool:
    """Whether two addresses differ in their fragment at most."""
    return urlsplit(url)._replace(fragment="") == urlsplit(other)._replace(fragment="")


def _pieces(node: LexborNode, gap: str) -> Iterator[str]:
    """The text in a node, with ``gap`` where blocks begin and end."""
    for part in node.traverse(include_text=True):
        previous = part.prev
        if part.tag not in INLINE or (previous and previous.tag not in INLINE):
            yield gap
        if part.tag == "-text" and part.parent and part.parent.tag not in _NEVER_TEXT:
            yield part.text_content or ""


def _strip(tree: LexborHTMLParser) -> None:
    """Take out what is never content; a header within the main part belongs to it."""
    for node in tree.css(_NEVER_CONTENT):
        node.decompose()
    inside = {header.mem_id for header in tree.css("main header, article header")}
    for header in tree.css("header"):
        if header.mem_id not in inside:
            header.decompose()


def _main(tree: LexborHTMLParser) -> LexborNode:
    for selector in _CONTENT:
        found = tree.css(selector)
        if len(found) == 1:
            return found[0]
    raise ValueError("the parser made no document of the page")
