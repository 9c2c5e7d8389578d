"""Rung: what a page declares for those who share it, where that is about this session."""

from services.processor.extract.facts import Facts, Speaker, Video
from services.processor.extract.html.document import Document, alike, text_of
from services.processor.extract.rungs.page_rules import is_video, video
from services.processor.extract.rungs.people import is_name

_SHORTEST = 40  # characters; below it a description is a slogan
_CUT = ("...", "\u2026")


def read(document: Document) -> Facts:
    """Title, description, author and video, each only where the page bears it out."""
    declared = document.meta("og:title", "twitter:title")
    title = document.without_site(declared) if declared else None
    if title and not document.title_like(title):
        title = None
    return Facts(
        title=title,
        abstract=_description(document, title),
        speakers=tuple(_authors(document)),
        videos=tuple(_videos(document)),
    )


def _description(document: Document, title: str | None) -> str | None:
    """The description, if it is in the text, or surely of this page: many have their site's."""
    said = document.meta("og:description", "twitter:description", "description") or ""
    if len(said) < _SHORTEST or said.endswith(_CUT):
        return None
    is_ours = title is not None and alike(title) == alike(document.session)
    return said if is_ours or alike(said) in alike(text_of(document.content)) else None


def _authors(document: Document) -> list[Speaker]:
    """The author, where an element of the main part says exactly this name."""
    name = document.meta("author", "article:author") or ""
    if not is_name(name) or document.is_site(name):
        return []
    named = document.content.css("a, h2, h3, h4, h5, strong, b, [class*=name], [class*=author]")
    shown = any(alike(text_of(node)) == alike(name) for node in named)
    return [Speaker(name)] if shown else []


def _videos(document: Document) -> list[Video]:
    said = document.meta("og:video:secure_url", "og:video:url", "og:video")
    url = document.absolute(said) if said else None
    return [video(url, "recording" if is_video(url) else "embed")] if url else []
