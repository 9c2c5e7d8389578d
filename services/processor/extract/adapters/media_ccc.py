"""Adapter: voctoweb, the software of media.ccc.de."""

from collections.abc import Iterator

from selectolax.lexbor import LexborNode

from services.processor.extract.facts import Facts, FileLink, Link, Speaker, Video
from services.processor.extract.html.document import Document, attribute, text_of
from services.processor.extract.html.nodes import elements_after
from services.processor.extract.markdown.fragment import nodes_markdown
from services.processor.extract.rungs.languages import language_tag
from services.processor.extract.rungs.page_rules import make_video

NAME = "adapter:media.ccc.de"
_VIDEOS = ".downloads .video a.download[href]"
_PLAYED = ".player video source[src], .player video[src]"
_AUDIO = ".downloads .audio a.download[href]"
_SUBTITLES = ".downloads a.download.subtitle[href]:not(.todo)"
_SLIDES = ".downloads .slides a.download[href]"
_MORE = "ul.metadata a[href]"


def read(document: Document) -> Facts | None:
    """Return the recording if the page is one of voctoweb's."""
    header = document.head.css_first(".player-header")
    title = header.css_first("h1") if header else None
    if header is None or title is None:
        return None
    subtitle = header.css_first("h2")
    description = _description(document)
    return Facts(
        title=text_of(title),
        subtitle=text_of(subtitle) if subtitle else None,
        abstract=text_of(*description),
        body=nodes_markdown(document, description),
        speakers=tuple(Speaker(name) for name in map(text_of, _persons(document)) if name),
        language=_language(document),
        start_raw=_date(document),
        tags=tuple(filter(None, map(text_of, document.head.css(".tags a")))),
        videos=tuple(_videos(document)),
        files=tuple(_files(document)),
        links=tuple(_links(document)),
    )


def _description(document: Document) -> list[LexborNode]:
    """Return the paragraphs; the HTML nests them wrongly, so they follow their container."""
    first = document.head.css_first("p.description")
    if first is None:
        return []
    following = []
    for node in elements_after(first):
        if node.tag not in {"p", "ul", "ol", "blockquote", "pre"}:
            break
        following.append(node)
    return [node for node in (first, *following) if text_of(node)]


def _persons(document: Document) -> list[LexborNode]:
    persons = document.head.css_first("p.persons")
    return persons.css("a") if persons else []


def _language(document: Document) -> str | None:
    """Return the recordings' language, if all have the same."""
    languages = {text_of(node) for node in document.head.css(f"{_VIDEOS} .language")}
    return language_tag(languages.pop()) if len(languages) == 1 else None


def _date(document: Document) -> str | None:
    icon = document.head.css_first("ul.metadata .icon-calendar-o")
    item = icon.parent if icon else None
    return text_of(item) or None if item else None


def _videos(document: Document) -> Iterator[Video]:
    urls = _addresses(document, _VIDEOS, "href") or _addresses(document, _PLAYED, "src")
    return (make_video(url, "recording") for url in urls)


def _files(document: Document) -> Iterator[FileLink]:
    for url in _addresses(document, _SLIDES, "href"):
        yield FileLink("slides", url, "Slides", NAME)
    for node in document.head.css(_SUBTITLES):
        address, label = document.absolute(attribute(node, "href")), text_of(node)
        if address:
            yield FileLink("subtitles", address, label, NAME, language_tag(label))


def _links(document: Document) -> Iterator[Link]:
    for node in document.head.css(f"{_MORE}, {_AUDIO}"):
        url = document.absolute(attribute(node, "href"))
        if url and (title := text_of(node)):
            yield Link(title, url)


def _addresses(document: Document, selector: str, name: str) -> list[str]:
    urls = (document.absolute(attribute(node, name)) for node in document.head.css(selector))
    return list(dict.fromkeys(url for url in urls if url))
