"""The cascade: each rung is asked what it knows of a page."""

from pathlib import Path

from eventjob.contracts.parameters import Parameters
from services.processor.extract import article, given, jsonld, linked, shown
from services.processor.extract.document import Document, text_of
from services.processor.extract.encoding import decode
from services.processor.extract.facts import Facts
from services.processor.extract.markdown import harmless
from services.processor.extract.page import PARAMETERS, Reading, merged

LONGEST_BYTES = 1024 * 1024  # trafilatura takes 2.6 s for this in the worst case, and 84 s for 5 MB


def read_page(path: Path, charset: str | None, url: str, parameters: Parameters) -> Reading:
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
    rungs = {
        "jsonld": jsonld.read(document),
        "html": shown.read(document),
        "linked": linked.read(document),
        PARAMETERS: given.read(parameters, document),
    }
    known, _ = merged(rungs)
    text = article.read(document, known.title or "")
    if known.body is None:
        main = Facts(body=harmless(text.markdown) or None)
        rungs = {text.method: main, **rungs}
    return Reading(
        rungs={name: facts for name, facts in rungs.items() if facts != Facts()},
        text=text_of(document.content),
        encoding=encoding,
        warnings=["page_truncated"] if more else [],
        words=text.words,
        is_session=_is_session(document, rungs["jsonld"]),
    )


def _is_session(document: Document, event: Facts) -> bool:
    """Whether some rule has found the session: its Event, or a heading that is its title."""
    wanted = document.shows(document.session)
    return event != Facts() or (wanted is not None and wanted in document.headings())
