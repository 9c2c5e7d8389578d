"""A page as a whole: each rung is asked, and what they know is put together."""

from pathlib import Path

import msgspec

from eventjob.contracts.parameters import Parameters
from services.processor.extract import article, given, jsonld, linked, shown
from services.processor.extract.document import Document, text_of
from services.processor.extract.encoding import decode
from services.processor.extract.facts import Facts, Link, Wanted, merged
from services.processor.extract.markdown import harmless

LONGEST_BYTES = 1024 * 1024  # trafilatura takes 2.6 s for this in the worst case, and 84 s for 5 MB
THIN_WORDS = 40


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """All that was found on a page."""

    facts: Facts
    sources: dict[str, str]
    method: str
    body: str  # Markdown
    text: str
    links: list[Link]
    files: list[Wanted]
    encoding: str
    warnings: list[str]
    words: int  # of the main text
    is_session: bool  # some rule has found one

    @property
    def is_thin(self) -> bool:
        """Whether there is nothing on it that could be a session."""
        return self.words < THIN_WORDS and not self.is_session


def read_page(path: Path, charset: str | None, url: str, parameters: Parameters) -> Page:
    """What the HTML in ``path`` says, its first megabyte at most.

    Args:
        path: the body as it came.
        charset: what HTTP declared.
        url: where it came from in the end.
        parameters: of the job.
    """
    with path.open("rb") as file:
        body, more = file.read(LONGEST_BYTES), file.read(1)
    html, encoding = decode(body, charset)
    document = Document(html, url, parameters.session)
    event = jsonld.read(document)
    facts, sources = merged(
        {
            "jsonld": event,
            "html": shown.read(document),
            "parameters": given.read(parameters, document),
        }
    )
    text = article.read(document, facts.title or "")
    return Page(
        facts=facts,
        sources=sources,
        method=text.method,
        body=harmless(text.markdown),
        text=text_of(document.content),
        links=linked.links(document),
        files=_files(document, parameters),
        encoding=encoding,
        warnings=[*(["page_truncated"] if more else []), *_missing(facts)],
        words=text.words,
        is_session=_is_session(document, event),
    )


def _is_session(document: Document, event: Facts) -> bool:
    """Whether some rule has found the session: its Event, or a heading that is its title."""
    wanted = document.shows(document.session)
    return event != Facts() or (wanted is not None and wanted in document.headings())


def _files(document: Document, parameters: Parameters) -> list[Wanted]:
    found = linked.files(document)
    url = (
        document.absolute(parameters.attachments_url or "") if parameters.attachments_url else None
    )
    if url and all(wanted.url != url for wanted in found):
        found.insert(0, linked.given_file(url))
    return found


def _missing(facts: Facts) -> list[str]:
    return [
        f"{name}_missing" for name in ("abstract", "speakers", "start") if not getattr(facts, name)
    ]
