"""Rung: Open Graph and Twitter metadata, if the page's content confirms it."""

from services.processor.extract.facts import Facts, Speaker, Video
from services.processor.extract.html.document import Document, match_key, text_of
from services.processor.extract.rungs.page_rules import is_video_url, make_video
from services.processor.extract.rungs.people import is_name

_MIN_LENGTH = 40  # characters; a shorter description is a slogan
_ELLIPSES = ("...", "\u2026")


def read(document: Document) -> Facts:
    """Return title, description, author and video, each only if confirmed."""
    declared = document.meta("og:title", "twitter:title")
    title = document.drop_site_name(declared) if declared else None
    if title and not document.find_own_title(title):
        title = None
    return Facts(
        title=title,
        abstract=_description(document, title),
        speakers=tuple(_authors(document)),
        videos=tuple(_videos(document)),
    )


def _description(document: Document, title: str | None) -> str | None:
    """Return the description if the text has it, or the title is the session's."""
    text = document.meta("og:description", "twitter:description", "description") or ""
    if len(text) < _MIN_LENGTH or text.endswith(_ELLIPSES):
        return None
    # Many sites give every page the description of the site.
    is_session = title is not None and match_key(title) == match_key(document.session)
    return text if is_session or match_key(text) in match_key(text_of(document.content)) else None


def _authors(document: Document) -> list[Speaker]:
    """Return the author if an element of the main part has exactly this name."""
    name = document.meta("author", "article:author") or ""
    if not is_name(name) or document.is_site_name(name):
        return []
    nodes = document.content.css("a, h2, h3, h4, h5, strong, b, [class*=name], [class*=author]")
    is_shown = any(match_key(text_of(node)) == match_key(name) for node in nodes)
    return [Speaker(name)] if is_shown else []


def _videos(document: Document) -> list[Video]:
    declared = document.meta("og:video:secure_url", "og:video:url", "og:video")
    url = document.absolute(declared) if declared else None
    return [make_video(url, "recording" if is_video_url(url) else "embed")] if url else []
