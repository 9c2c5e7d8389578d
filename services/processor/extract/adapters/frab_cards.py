"""Adapter: frab, in its markup of cards since 2025."""

from collections.abc import Iterator

from selectolax.lexbor import LexborNode

from services.processor.extract.adapters import frab
from services.processor.extract.facts import Facts, FileLink, Link, Speaker
from services.processor.extract.html.document import Document, attribute, text_of
from services.processor.extract.markdown.fragment import nodes_markdown
from services.processor.extract.rungs import jsonld
from services.processor.extract.rungs.date_parsing import parse_iso
from services.processor.extract.rungs.links import file_kind, find_pictures
from services.processor.extract.rungs.page_rules import make_video

NAME = frab.NAME
_TEXT = ".card-body .text-muted"
_OPT_OUT = ".alert-warning .bi-exclamation-triangle"


def read(document: Document) -> Facts | None:
    """Return the session if the page is one of frab's."""
    root = document.head.css_first("article.container-fluid")
    heading = root.css_first("h2") if root else None
    if root is None or heading is None or root.css_first(".speakers-section") is None:
        return None
    full = text_of(heading)
    kind, _, short = full.partition(": ")
    event = jsonld.read(document, full, short)  # tells type from title, and has UTC offsets
    title = event.title or full
    times = [parse_iso(attribute(each, "datetime")) for each in root.css("time")]
    start, end = (*times, None, None)[:2]
    links = list(_links(root, document))
    return Facts(
        title=title,
        type=kind if title == short else None,
        abstract=_abstract(root),
        body=nodes_markdown(document, root.css(_TEXT)),
        speakers=tuple(_speakers(root, document)),
        track=_badge(root, ".badge.bg-success"),
        room=_badge(root, ".badge.bg-secondary"),
        start=event.start or start,
        end=event.end or end,
        do_not_record=root.css_first(_OPT_OUT) is not None or None,
        videos=tuple(make_video(url, "recording") for icon, _, url in links if icon == "play"),
        files=(
            *(FileLink(file_kind(u, t), u, t, NAME) for icon, t, u in links if icon == "file"),
            *find_pictures(document, [root], NAME),
        ),
        links=tuple(Link(title, url) for icon, title, url in links if icon == "box"),
    )


def _abstract(root: LexborNode) -> str | None:
    """Return the first of two texts; a single text may be either, so it is skipped."""
    texts = root.css(_TEXT)
    return text_of(texts[0]) if len(texts) > 1 else None


def _badge(root: LexborNode, selector: str) -> str | None:
    badge = root.css_first(selector)
    return text_of(badge) or None if badge else None


def _speakers(root: LexborNode, document: Document) -> Iterator[Speaker]:
    for link in root.css(".speakers-section .title a[href]"):
        if name := text_of(link):
            yield Speaker(name, document.absolute(attribute(link, "href")))


def _links(root: LexborNode, document: Document) -> Iterator[tuple[str, str, str]]:
    """Yield the kind of each link, by its icon, with title and URL."""
    for link in root.css(".links-section a[href]"):
        icon = link.css_first("i.bi")
        kinds = attribute(icon, "class").split() if icon else []
        kind = next((each.split("-")[1] for each in kinds if each.startswith("bi-")), "")
        if url := document.absolute(attribute(link, "href")):
            yield kind, text_of(link) or url, url
