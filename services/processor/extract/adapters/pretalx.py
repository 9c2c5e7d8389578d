"""Adapter: pretalx, in its markups since 2018."""

import re
from collections.abc import Iterator

from selectolax.lexbor import LexborNode

from services.processor.extract.adapters import pretalx_slot
from services.processor.extract.facts import Facts, FileLink, Link, Speaker, Video
from services.processor.extract.html.document import Document, attribute, text_of
from services.processor.extract.html.nodes import select_first, text_except
from services.processor.extract.markdown.fragment import nodes_markdown
from services.processor.extract.rungs.links import file_kind, find_pictures, is_file_url
from services.processor.extract.rungs.page_rules import make_video

NAME = "adapter:pretalx"
_TALK = ".talk-content, .talk-slot, .talk-layout"
_ABSTRACTS = ".talk-content .abstract, .talk-content .abstact"  # its spelling in 2018
_TEXTS = f"{_ABSTRACTS}, .talk-content .description, .talk-content .answers"
_IMAGES = ".talk-image, .session-image, .talk-content"
_NOT_TITLE = "small, button, .buttons, #talk-buttons, .btn, script"
_SPEAKERS = ".pretalx-session, .talk-speaker-card, .bordered-list .info"
_SPEAKER_NAMES = (".title", ".talk-speaker-name", "a")
_SPEAKER_BIOS = (".pretalx-session-info .abstract", ".talk-speaker-bio", "a + div")
_RESOURCES = ".resources a[href], .talk-resources a[href]"
_SIZE = re.compile(r"\s*\([\d.,]+\s*(?:bytes?|[KMG]i?B)\)$", re.IGNORECASE)
_CODE = re.compile(r"/talk/([A-Z0-9]{6})/?(?:$|[?#])")


def read(document: Document) -> Facts | None:
    """Return the session if the page is one of pretalx's."""
    root = document.head.css_first("main") or document.head.body
    if root is None or not _is_pretalx(document) or root.css_first(_TALK) is None:
        return None
    files, links = _resources(root, document)
    code = _CODE.search(document.url) or _CODE.search(document.meta("og:url") or "")
    slot = pretalx_slot.read(root)
    return Facts(
        id=code[1] if code else None,
        title=_title(root),
        abstract=text_of(*root.css(_ABSTRACTS)),
        body=nodes_markdown(document, root.css(_TEXTS)),
        speakers=tuple(_speakers(root, document)),
        type=slot.type,
        track=slot.track,
        room=slot.room,
        language=slot.language,
        start=slot.start,
        end=slot.end,
        timezone=slot.timezone,
        do_not_record=slot.do_not_record,
        videos=tuple(_videos(root, document)),
        files=(*files, *find_pictures(document, root.css(_IMAGES), NAME)),
        links=tuple(links),
    )


def _is_pretalx(document: Document) -> bool:
    return (document.meta("generator") or "").casefold().startswith("pretalx") or bool(
        document.head.css_first(".talk-title, .talk-layout")
        and document.head.css_first(".pretalx-session, [data-isodatetime], .talk-slot, .talk.row")
    )


def _title(root: LexborNode) -> str | None:
    heading = root.css_first(".talk-title") or root.css_first("h1")
    title = text_except(heading, _NOT_TITLE) if heading else ""
    return title.removeprefix("»").removesuffix("«").strip() or None


def _speakers(root: LexborNode, document: Document) -> Iterator[Speaker]:
    for card in root.css(_SPEAKERS):
        name, bio = select_first(card, _SPEAKER_NAMES), select_first(card, _SPEAKER_BIOS)
        link = card if card.tag == "a" else card.css_first("a[href]")
        if name and text_of(name):
            yield Speaker(
                text_of(name),
                document.absolute(attribute(link, "href")) if link else None,
                text_of(bio) or None if bio else None,
            )


def _resources(root: LexborNode, document: Document) -> tuple[list[FileLink], list[Link]]:
    files, links = [], []
    for node in root.css(_RESOURCES):
        text, url = text_of(node), document.absolute(attribute(node, "href"))
        title = _SIZE.sub("", text)
        if url and (title != text or is_file_url(url) or "/media/" in url):
            files.append(FileLink(file_kind(url, title), url, title, NAME))
        elif url:
            links.append(Link(title or url, url))
    return files, links


def _videos(root: LexborNode, document: Document) -> Iterator[Video]:
    for node in root.css(".talk-content iframe[src], .talk-content video[src], video source[src]"):
        if url := document.absolute(attribute(node, "src")):
            yield make_video(url, "embed" if node.tag == "iframe" else "recording")
