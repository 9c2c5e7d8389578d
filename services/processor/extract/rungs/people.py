"""Find the speakers on any page; a wrong name is worse than a missing one."""

import re
from collections.abc import Iterable, Iterator
from urllib.parse import urlsplit

from selectolax.lexbor import LexborNode

from services.processor.extract.facts import Speaker
from services.processor.extract.html.document import (
    Document,
    attribute,
    clean,
    is_same_page,
    match_key,
    text_of,
)
from services.processor.extract.html.nodes import class_parts, elements_after, select
from services.processor.extract.rungs.labels import VALUE_LIMIT, LabelValue

MAX_SPEAKERS = 12  # more is a list of all speakers
_MAX_NODES = 100  # with a class about speakers
_MAX_NAME_LENGTH = 80
_MAX_WORDS = 7
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
_AFFILIATION = re.compile(
    r"\s+[-\u2013\u2014|]\s.*|\s@\w+.*"
)  # "Ada - Example Ltd", "Ada @example"
_NO_NAME = re.compile(r"[@:/<>{}=!?]|\d{3}|\.\s*$|\s\.\s", re.IGNORECASE)
_INITIALS = re.compile(r"(?:\b[^\W\d_]\.|\b(?:[JS]r|Ph\.?D|M\.?D|Dr|Prof)\.)$", re.IGNORECASE)
_NOT_PEOPLE = frozenset(
    {"speaker", "speakers", "presenter", "presenters", "profile", "website", "homepage", "more"}
    | {"read more", "twitter", "mastodon", "github", "linkedin", "bio", "biography", "tba", "tbd"}
    | {"to be announced", "to be confirmed", "none", "n/a", "view profile", "all speakers", "blog"}
    | {"you", "us", "friends", "the community", "various", "unknown", "email", "bluesky", "about"}
)
_COMPANIES = re.compile(
    r"\b(?:inc|ltd|llc|gmbh|corp|ag|university|universität|institute)\b", re.IGNORECASE
)


def find_speakers(
    root: LexborNode, value: LabelValue | None, document: Document
) -> tuple[Speaker, ...]:
    """Return the speakers by the first rule that finds any."""
    for speakers in (
        people_in(value.nodes, value.text, document) if value else (),
        _by_class(root, document),
        _by_link(root.css("a[href]"), document),
        _from_anchors(root.css('a[rel~="author" i]'), document),
        _from_byline(root, document),
    ):
        people = {match_key(speaker.name): speaker for speaker in reversed(list(speakers))}
        if 0 < len(people) <= MAX_SPEAKERS:
            return tuple(reversed(people.values()))
    return ()


def people_in(nodes: list[LexborNode], text: str, document: Document) -> list[Speaker]:
    """Return the people in a value: links, headings, lists, or a line of names."""
    links = select(nodes, "a[href]")
    for speakers in (
        _by_link(links, document),
        _from_nodes(select(nodes, "h2, h3, h4, h5, h6"), document),
        _from_nodes(select(nodes, "li, tr"), document),
        _from_line(text, links, document),
        _from_nodes(select(nodes, "strong, b, [class*=name]"), document),
        _from_anchors(links, document),
        _from_nodes([node for node in nodes if node.tag != "-text"][:1], document),
    ):
        if people := list(speakers):
            return people
    return []


def is_name(text: str) -> bool:
    """True if ``text`` may be a person's name."""
    words = text.split()
    is_plausible = 1 < len(text) <= _MAX_NAME_LENGTH and 0 < len(words) <= _MAX_WORDS
    is_odd = _NO_NAME.search(text) and not _INITIALS.search(text)
    is_wrong = is_odd or _COMPANIES.search(text) or text.casefold() in _NOT_PEOPLE
    return is_plausible and text[0].isalpha() and not is_wrong


def _by_class(root: LexborNode, document: Document) -> list[Speaker]:
    """Find speakers by the class names of elements, preferably a speaker's name."""
    nodes = root.css("[class*=speaker i], [class*=presenter i]")[:_MAX_NODES]
    parts = [(node, words) for node in nodes for words in class_parts(node) if _SPEAKER & {*words}]
    name_nodes = [node for node, words in parts if words[-1] in _NAME]
    if name_nodes:
        return list(_from_nodes(name_nodes, document))
    people: list[Speaker] = []
    for node in (node for node, words in parts if words[-1] not in _ABOUT):
        people += people_in([node], _after_label(text_of(node)), document)
    return people


def _by_link(links: Iterable[LexborNode], document: Document) -> Iterator[Speaker]:
    """Find speakers by links to pages about people."""
    for link in links:
        url = document.absolute(attribute(link, "href")) or ""
        parts = urlsplit(url)
        if _PERSON.search(parts.path + parts.fragment) and not is_same_page(url, document.url):
            yield from _make_speaker(text_of(link), url)


def _from_anchors(links: Iterable[LexborNode], document: Document) -> Iterator[Speaker]:
    for link in links:
        yield from _make_speaker(text_of(link), document.absolute(attribute(link, "href")))


def _from_nodes(nodes: Iterable[LexborNode], document: Document) -> Iterator[Speaker]:
    """Yield one person per node: its link, its marked text, or all its text."""
    for node in nodes:
        link = next((each for each in select([node], "a[href]") if text_of(each)), None)
        marked = node.css_first("strong, b, [class*=name]")
        texts = (text_of(each) for each in (marked, link, node) if each is not None)
        name = next(filter(is_name, map(_bare_name, texts)), None)
        if name:
            is_linked = link is not None and match_key(text_of(link)) == match_key(name)
            url = document.absolute(attribute(link, "href")) if link and is_linked else None
            yield Speaker(name, url)


def _from_line(text: str, links: Iterable[LexborNode], document: Document) -> list[Speaker]:
    """Split a line of names; all parts must be names."""
    if len(text) > VALUE_LIMIT:
        return []
    between = _BETWEEN_INVERTED if ";" in text else _BETWEEN
    parts = [part for part in map(_bare_name, between.split(_IN_BRACKETS.sub("", text))) if part]
    full_names = [part for part in parts if " " in part]
    parts = full_names or parts  # single words after a name are degrees or companies
    if not all(is_name(part) and (" " not in part or not part[0].islower()) for part in parts):
        return []
    urls = {match_key(text_of(a)): document.absolute(attribute(a, "href")) for a in links}
    return [Speaker(part, urls.get(match_key(part))) for part in parts]


def _from_byline(root: LexborNode, document: Document) -> list[Speaker]:
    """Find a "by …" line below the title."""
    title = root.css_first("h1")
    for node in list(elements_after(title))[:2] if title else ():
        match = _BY.fullmatch(text_of(node))
        people = _from_line(match[1], node.css("a[href]"), document) if match else []
        if people and all(speaker.name[0].isupper() for speaker in people):
            return people
    return []


def _make_speaker(text: str, url: str | None) -> Iterator[Speaker]:
    name = _bare_name(text)
    if is_name(name):
        yield Speaker(name, url)


def _bare_name(text: str) -> str:
    """Strip brackets and affiliation behind a name."""
    return clean(_AFFILIATION.sub("", _IN_BRACKETS.sub("", text))).strip(" ,;")


def _after_label(text: str) -> str:
    """Return the text after a leading ``Speaker:``."""
    label, colon, rest = text.partition(":")
    match = _BY.fullmatch(text)
    if colon and len(label) < len("speakers name"):
        return rest.strip()
    return match[1] if match else text
