"""Who speaks, on a page that no adapter knows. Nobody is better than somebody wrong."""

import re
from collections.abc import Iterable, Iterator
from urllib.parse import urlsplit

from selectolax.lexbor import LexborNode

from services.processor.extract.facts import Speaker
from services.processor.extract.html.document import (
    Document,
    alike,
    attribute,
    clean,
    is_same_page,
    text_of,
)
from services.processor.extract.html.nodes import class_parts, elements_after, within
from services.processor.extract.rungs.labels import LONGEST_VALUE, LabelValue

MOST_SPEAKERS = 12  # more is a list of all that speak at the conference
_MOST_NODES = 100  # that a class calls speakers
_LONGEST_NAME = 80
_MOST_WORDS = 7
_PERSON = re.compile(r"/(?:speakers?|people|persons?|presenters?|profiles?|users?|authors?)/[^/?#]")
_SPEAKER = frozenset({"speaker", "speakers", "presenter", "presenters"})
_NAME = frozenset({"name", "names", "fullname"})
_ABOUT = frozenset(
    {"img", "image", "photo", "picture", "avatar", "bio", "biography", "company", "social", "role"}
    | {"job", "title", "description", "links", "twitter", "count", "label", "affiliation", "icon"}
    | {"org", "organization", "organisation", "abstract", "text", "details", "about", "header"}
)
_BY = re.compile(r"(?:by|with|presented by|mit|von)\s+(.+)", re.IGNORECASE)
_BETWEEN = re.compile(r"\s*(?:[,;&\u00b7|]|\band\b|\bund\b)\s*")
_BETWEEN_INVERTED = re.compile(r"\s*;\s*")  # Smith, John; Doe, Jane
_IN_BRACKETS = re.compile(r"\s*[(\[][^()\[\]]*[)\]]")
_BEHIND = re.compile(r"\s+[-\u2013\u2014|]\s.*|\s@\w+.*")  # whom or what they are with
_NO_NAME = re.compile(r"[@:/<>{}=!?]|\d{3}|\.\s*$|\s\.\s", re.IGNORECASE)
_INITIALS = re.compile(r"(?:\b[^\W\d_]\.|\b(?:[JS]r|Ph\.?D|M\.?D|Dr|Prof)\.)$", re.IGNORECASE)
_NOBODY = frozenset(
    {"speaker", "speakers", "presenter", "presenters", "profile", "website", "homepage", "more"}
    | {"read more", "twitter", "mastodon", "github", "linkedin", "bio", "biography", "tba", "tbd"}
    | {"to be announced", "to be confirmed", "none", "n/a", "view profile", "all speakers", "blog"}
    | {"you", "us", "friends", "the community", "various", "unknown", "email", "bluesky", "about"}
)
_COMPANIES = re.compile(
    r"\b(?:inc|ltd|llc|gmbh|corp|ag|university|universität|institute)\b", re.IGNORECASE
)


def speakers(root: LexborNode, said: LabelValue | None, document: Document) -> tuple[Speaker, ...]:
    """Those whom the page names, by the first rule that finds any."""
    for found in (
        names_in(said.nodes, said.text, document) if said else (),
        _classed(root, document),
        _linked(root.css("a[href]"), document),
        _anchors(root.css('a[rel~="author" i]'), document),
        _by_line(root, document),
    ):
        people = {alike(speaker.name): speaker for speaker in reversed(list(found))}
        if 0 < len(people) <= MOST_SPEAKERS:
            return tuple(reversed(people.values()))
    return ()


def names_in(nodes: list[LexborNode], text: str, document: Document) -> list[Speaker]:
    """The people in a value: as links to them, headings, a list, or a line of names."""
    links = within(nodes, "a[href]")
    for found in (
        _linked(links, document),
        _each(within(nodes, "h2, h3, h4, h5, h6"), document),
        _each(within(nodes, "li, tr"), document),
        _line(text, links, document),
        _each(within(nodes, "strong, b, [class*=name]"), document),
        _anchors(links, document),
        _each([node for node in nodes if node.tag != "-text"][:1], document),
    ):
        if people := list(found):
            return people
    return []


def is_name(text: str) -> bool:
    """Whether this could be what somebody is called."""
    words = text.split()
    plausible = 1 < len(text) <= _LONGEST_NAME and 0 < len(words) <= _MOST_WORDS
    odd = _NO_NAME.search(text) and not _INITIALS.search(text)
    wrong = odd or _COMPANIES.search(text) or text.casefold() in _NOBODY
    return plausible and text[0].isalpha() and not wrong


def _classed(root: LexborNode, document: Document) -> list[Speaker]:
    """By what the page's own classes call a speaker, best of all a speaker's name."""
    nodes = root.css("[class*=speaker i], [class*=presenter i]")[:_MOST_NODES]
    parts = [(node, words) for node in nodes for words in class_parts(node) if _SPEAKER & {*words}]
    named = [node for node, words in parts if words[-1] in _NAME]
    if named:
        return list(_each(named, document))
    people: list[Speaker] = []
    for node in (node for node, words in parts if words[-1] not in _ABOUT):
        people += names_in([node], _after_label(text_of(node)), document)
    return people


def _linked(links: Iterable[LexborNode], document: Document) -> Iterator[Speaker]:
    """By links to pages about people."""
    for link in links:
        url = document.absolute(attribute(link, "href")) or ""
        parts = urlsplit(url)
        if _PERSON.search(parts.path + parts.fragment) and not is_same_page(url, document.url):
            yield from _named(text_of(link), url)


def _anchors(links: Iterable[LexborNode], document: Document) -> Iterator[Speaker]:
    for link in links:
        yield from _named(text_of(link), document.absolute(attribute(link, "href")))


def _each(nodes: Iterable[LexborNode], document: Document) -> Iterator[Speaker]:
    """One person in each node: its link, what is marked in it, or all that it says."""
    for node in nodes:
        link = next((each for each in within([node], "a[href]") if text_of(each)), None)
        marked = node.css_first("strong, b, [class*=name]")
        texts = (text_of(each) for each in (marked, link, node) if each is not None)
        name = next(filter(is_name, map(_alone, texts)), None)
        if name:
            mine = link is not None and alike(text_of(link)) == alike(name)
            url = document.absolute(attribute(link, "href")) if link and mine else None
            yield Speaker(name, url)


def _line(text: str, links: Iterable[LexborNode], document: Document) -> list[Speaker]:
    """A line of names, all of which must be some."""
    if len(text) > LONGEST_VALUE:
        return []
    between = _BETWEEN_INVERTED if ";" in text else _BETWEEN
    parts = [part for part in map(_alone, between.split(_IN_BRACKETS.sub("", text))) if part]
    whole = [part for part in parts if " " in part]
    parts = whole or parts  # else what follows a name is a degree, or whom they are with
    if not all(is_name(part) and (" " not in part or not part[0].islower()) for part in parts):
        return []
    urls = {alike(text_of(a)): document.absolute(attribute(a, "href")) for a in links}
    return [Speaker(part, urls.get(alike(part))) for part in parts]


def _by_line(root: LexborNode, document: Document) -> list[Speaker]:
    """A line below the title that says by whom."""
    title = root.css_first("h1")
    for node in list(elements_after(title))[:2] if title else ():
        said = _BY.fullmatch(text_of(node))
        people = _line(said[1], node.css("a[href]"), document) if said else []
        if people and all(speaker.name[0].isupper() for speaker in people):
            return people
    return []


def _named(text: str, url: str | None) -> Iterator[Speaker]:
    name = _alone(text)
    if is_name(name):
        yield Speaker(name, url)


def _alone(text: str) -> str:
    """A name without what stands behind it."""
    return clean(_BEHIND.sub("", _IN_BRACKETS.sub("", text))).strip(" ,;")


def _after_label(text: str) -> str:
    """What follows ``Speaker:`` in a text that begins with it."""
    label, colon, rest = text.partition(":")
    said = _BY.fullmatch(text)
    if colon and len(label) < len("speakers name"):
        return rest.strip()
    return said[1] if said else text
