"""Adapter: FOSDEM's website, which shows weekday and hours, but no date."""

import re
from collections.abc import Iterator

from selectolax.lexbor import LexborNode

from services.processor.extract.facts import Facts, FileLink, Link, Speaker, Video
from services.processor.extract.html.document import Document, attribute, text_of
from services.processor.extract.html.nodes import element_under_heading, nodes_after, select_first
from services.processor.extract.markdown.fragment import nodes_markdown
from services.processor.extract.rungs.links import file_kind, find_pictures
from services.processor.extract.rungs.page_rules import is_video_url, make_video

NAME = "adapter:fosdem"
_TITLES = ("#pagetitles h1", "h1.schedule-title", "h1")
_IN_BRACKETS = re.compile(r"\s*\([^)]*\)")
_SPEAKERS = frozenset({"speaker", "speakers"})
_LINKS = frozenset({"links"})


def read(document: Document) -> Facts | None:
    """Return the session if the page is one of FOSDEM's."""
    root = document.head.css_first("#main") or document.head.body
    side = root.css_first("ul.side-box") if root else None
    title = root and select_first(root, _TITLES)
    if root is None or side is None or title is None:
        return None
    box = dict(_read_box(side))
    text = root.css(".event-abstract, .event-description")
    links = tuple(_links(root, document))
    start, end = box.get("start"), box.get("end")
    subtitle = document.head.css_first("#pagetitles h2")
    return Facts(
        title=text_of(title),
        subtitle=text_of(subtitle) if subtitle else None,
        abstract=text_of(*root.css(".event-abstract")),
        body=nodes_markdown(document, text),
        speakers=tuple(_speakers(root, document)),
        track=box.get("track"),
        room=box.get("room"),
        start_raw=" ".join(filter(None, (box.get("day"), start))) if start else None,
        end_raw=end,
        videos=tuple(_videos(root, links, document)),
        files=(*_attachments(root, document), *find_pictures(document, text, NAME)),
        links=links,
    )


def _read_box(side: LexborNode) -> Iterator[tuple[str, str]]:
    """Yield the rows of the side box: track, room, day, start, end."""
    for label in side.css("li strong"):
        name = _IN_BRACKETS.sub("", text_of(label)).strip(": ").casefold()
        yield name, text_of(*nodes_after(label)).lstrip(": ")


def _speakers(root: LexborNode, document: Document) -> Iterator[Speaker]:
    table = element_under_heading(root, _SPEAKERS)
    for row in table.css("tr") if table else ():
        link = next((link for link in row.css("a[href]") if text_of(link)), None)
        if link:
            bio = row.css_first(".bio")
            yield Speaker(
                text_of(link),
                document.absolute(attribute(link, "href")),
                text_of(bio) if bio else None,
            )


def _attachments(root: LexborNode, document: Document) -> Iterator[FileLink]:
    for item in root.css("ul.event-attachments li"):
        link = item.css_first("a[href]")
        url = document.absolute(attribute(link, "href")) if link else None
        if link and url:
            title = text_of(link)
            icon = item.css_first("i[class*=icon-]")
            is_slides = "icon-list" in attribute(icon, "class") if icon else False
            yield FileLink("slides" if is_slides else file_kind(url, title), url, title, NAME)


def _links(root: LexborNode, document: Document) -> Iterator[Link]:
    section = element_under_heading(root, _LINKS)
    for link in section.css("a[href]") if section else ():
        if url := document.absolute(attribute(link, "href")):
            yield Link(text_of(link) or url, url)


def _videos(root: LexborNode, links: tuple[Link, ...], document: Document) -> Iterator[Video]:
    sources = (attribute(node, "src") for node in root.css("video[src], video source[src]"))
    played = (url for source in sources if (url := document.absolute(source)))
    linked = (link.url for link in links if is_video_url(link.url))
    return (make_video(url, "recording") for url in dict.fromkeys((*played, *linked)))
