"""A parsed page: its main part, titles, metadata and links."""

import re
import unicodedata
from collections.abc import Iterator
from functools import cached_property
from itertools import islice
from urllib.parse import urljoin, urlsplit

from selectolax.lexbor import LexborHTMLParser, LexborNode

from eventjob.domain.urls import check_url

MAX_PARTS = 10  # per heading

_NEVER_CONTENT = (
    "script, style, noscript, template, nav, footer, aside, dialog, svg, object, "
    "form:not(:has(h1, h2, main, article)), "  # some sites put whole pages into one
    "[class*=breadcrumb]"
)
_CONTENT = ("main", "[role=main]", "article", "#main", "#content", "body", "html")
_HEADINGS = ("h1", "h2", "h3")
_RECORD_SEPARATOR = "\x1e"  # ASCII's record separator
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
    """A page as the rungs see it: ``head`` has everything, ``content`` only the main part.

    Args:
        html: the page.
        url: after redirects.
        session: the job's name for the session.
        event: the job's name for the conference.
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
        """The main part, with links as written."""
        return _find_main(self._tree)

    @cached_property
    def content(self) -> LexborNode:
        """The main part, with absolute links; others are removed."""
        return _find_main(self._linked)

    @cached_property
    def _tree(self) -> LexborHTMLParser:
        tree = self.head.clone()
        _drop_never_content(tree)
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
        """Return the absolute web URL of a link, if it is one."""
        try:
            url = urljoin(self.base, reference.strip())
            check_url(url)
        except ValueError:
            return None
        return url

    def headings(self) -> Iterator[str]:
        """Yield headings and their marked parts, the main part's h1 first."""
        nodes = (node for tag in _HEADINGS for node in self.content.css(tag))
        for node in (*nodes, *self.head.css("h1")):
            parts = (node, *islice(node.css("span, a, strong"), MAX_PARTS))
            yield from (text for part in parts if (text := text_of(part)))

    def meta(self, *names: str) -> str | None:
        """Return the content of the first meta element with one of these names or properties."""
        for name in names:
            node = self.head.css_first(f'meta[property="{name}" i], meta[name="{name}" i]')
            if node and (content := clean(attribute(node, "content"))):
                return content
        return None

    def declared_titles(self) -> Iterator[str]:
        """Yield the titles in the metadata and in the title element."""
        if declared := self.meta("og:title"):
            yield declared
        for node in self.head.css("head > title"):
            yield text_of(node)

    def title_parts(self) -> Iterator[str]:
        """Yield the declared titles and their parts: ``Title - Conference`` has two."""
        for title in self.declared_titles():
            yield from (title, *_SEPARATOR.split(title))

    def find_title(self, name: str) -> str | None:
        """Return the page's title that equals ``name`` by `match_key`."""
        key = match_key(name)
        return self._titles.get(key) if key else None

    def find_own_title(self, name: str) -> str | None:
        """Return the session's title that equals ``name``; stricter than `find_title`."""
        key = match_key(name)
        # Many declared titles name the whole conference.
        return None if not key or self.is_site_name(name) else self._own_titles.get(key)

    def is_site_name(self, name: str) -> bool:
        """True if ``name`` is the conference or its site."""
        return match_key(name) in self._sites

    def drop_site_name(self, title: str) -> str:
        """Strip the site's name from the start or end of ``title``."""
        for match in _SEPARATOR.finditer(title):
            before, after = title[: match.start()], title[match.end() :]
            if self.is_site_name(after):
                return before
            if self.is_site_name(before):
                return after
        return title

    @cached_property
    def _sites(self) -> set[str]:
        names = (self._event, self.meta("og:site_name") or "", self.meta("application-name") or "")
        return {match_key(name) for name in names} - {""}

    @cached_property
    def _own_titles(self) -> dict[str, str]:
        """The job's session if it is shown; else h1s of the main part, and confirmed titles."""
        if job_title := self.find_title(self.session):
            return {match_key(job_title): job_title}
        h1s = [text for node in self.content.css("h1") if (text := text_of(node))]
        keys = {match_key(text) for node in self.content.css("h2, h3") if (text := text_of(node))}
        declared = [self.drop_site_name(title) for title in self.declared_titles()]
        parts = (part for part in self.title_parts() if match_key(part) in keys)
        return {match_key(title): title for title in reversed([*h1s, *parts, *declared])}

    @cached_property
    def _titles(self) -> dict[str, str]:
        titles: dict[str, str] = {}
        for title in (*self.headings(), *self.title_parts()):
            titles.setdefault(match_key(title), title)
        return titles


def attribute(node: LexborNode, name: str) -> str:
    """Return an attribute's value, "" if it is absent."""
    return node.attributes.get(name) or ""


def text_of(*nodes: LexborNode) -> str:
    """Return all text of the nodes on one line, with spaces only where a reader sees one."""
    return clean(" ".join("".join(_text_parts(node, " ")) for node in nodes))


def lines_of(node: LexborNode) -> str:
    """Return all text of a node, with a line per paragraph, heading, item or cell."""
    lines = "".join(_text_parts(node, _RECORD_SEPARATOR)).split(_RECORD_SEPARATOR)
    return "\n".join(filter(None, map(clean, lines)))


def clean(text: str) -> str:
    """Put ``text`` on one line, and drop control characters."""
    return " ".join(_INVISIBLE.sub("", text).split())


def match_key(text: str) -> str:
    """Return a key that ignores case, spaces and punctuation, for comparing titles."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return _NOT_ALPHANUMERIC.sub("", folded)


def is_same_page(url: str, other: str) -> bool:
    """True if two URLs differ at most in their fragments."""
    return urlsplit(url)._replace(fragment="") == urlsplit(other)._replace(fragment="")


def _text_parts(node: LexborNode, gap: str) -> Iterator[str]:
    """Yield the text in a node, with ``gap`` between blocks."""
    for part in node.traverse(include_text=True):
        previous = part.prev
        if part.tag not in INLINE or (previous and previous.tag not in INLINE):
            yield gap
        if part.tag == "-text" and part.parent and part.parent.tag not in _NEVER_TEXT:
            yield part.text_content or ""


def _drop_never_content(tree: LexborHTMLParser) -> None:
    """Remove navigation, forms and the like; a header inside the main part stays."""
    for node in tree.css(_NEVER_CONTENT):
        node.decompose()
    inside = {header.mem_id for header in tree.css("main header, article header")}
    for header in tree.css("header"):
        if header.mem_id not in inside:
            header.decompose()


def _find_main(tree: LexborHTMLParser) -> LexborNode:
    for selector in _CONTENT:
        nodes = tree.css(selector)
        if len(nodes) == 1:  # several of them are a list
            return nodes[0]
    raise ValueError("the parser made no document of the page")
