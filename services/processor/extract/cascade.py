"""The cascade: each rung is asked what it knows of a page."""

import re
from collections.abc import Mapping
from pathlib import Path

import msgspec

from eventjob.contracts.parameters import Parameters
from services.processor.extract.adapters import registry as adapters
from services.processor.extract.facts import Facts
from services.processor.extract.html.document import Document, attribute, lines_of, text_of
from services.processor.extract.html.encoding import decode, shallow, slim
from services.processor.extract.markdown import main_text
from services.processor.extract.page import PARAMETERS, THIN_WORDS, PageFacts, merged
from services.processor.extract.rungs import (
    job_parameters,
    jsonld,
    microdata,
    opengraph,
    page_rules,
)
from services.processor.extract.rungs import links as linked
from services.processor.extract.rungs.links import tracks
from services.processor.extract.schedule_link import schedule_address

_SCHEDULE = re.compile("schedule|fahrplan", re.IGNORECASE)
LONGEST = 1024 * 1024  # characters; trafilatura takes 2.6 s in the worst case, 84 s for five times


def read_page(path: Path, charset: str | None, url: str, parameters: Parameters) -> PageFacts:
    """What the HTML in ``path`` says; of a large page what is read of it, a megabyte at most.

    Args:
        path: the body as it came.
        charset: what HTTP declared.
        url: where it came from in the end.
        parameters: of the job.
    """
    html, encoding = decode(path.read_bytes(), charset)
    if len(html) > LONGEST:
        html = slim(html)
    html, is_whole = shallow(html[:LONGEST]), len(html) <= LONGEST
    document = Document(html, url, parameters.session, parameters.event)
    reading = _adapted(document) or _general(document)
    asked = {PARAMETERS: job_parameters.read(parameters, document)}
    known = {name: facts for name, facts in (reading.rungs | asked).items() if facts != Facts()}
    warnings = [] if is_whole else ["page_truncated"]
    return msgspec.structs.replace(
        reading,
        rungs=known,
        encoding=encoding,
        warnings=warnings,
        schedule=_schedule(document, reading),
    )


def _schedule(document: Document, reading: PageFacts) -> str | None:
    """Where the page's schedule is, if there is a sign of one."""
    adapters_seen = (name.partition(":")[2] for name in reading.rungs if ":" in name)
    software = next(adapters_seen, None) or (document.meta("generator") or "").casefold()
    links = (attribute(node, "href") for node in document.head.css("link[href], a[href]"))
    named = (link for link in links if _SCHEDULE.search(link))
    absolute = (url for link in named if (url := document.absolute(link)))
    return schedule_address(document.url, software, absolute)


def _adapted(document: Document) -> PageFacts | None:
    """What the adapter for the page says; None where there is none."""
    found = adapters.read(document)
    if found is None:
        return None
    name, facts = found
    rungs = {
        name: facts,
        "jsonld": jsonld.read(document, facts.title or ""),
        "html": page_rules.declared(document),
        "linked": Facts(files=tuple(tracks(document))),
    }
    words = main_text.words_in(facts.body or "")
    if not words and _has_prose(document):  # in places that the adapter does not know
        text = main_text.read(document, facts.title or document.session)
        rungs, words = rungs | {text.method: Facts(body=text.markdown or None)}, text.words
    return PageFacts(
        rungs=rungs,
        text=lines_of(document.main),
        words=words,
        is_session=True,
    )


def _has_prose(document: Document) -> bool:
    """Whether the main part has paragraphs enough for a text of its own."""
    paragraphs = document.main.css("p")
    return sum(len(text_of(paragraph).split()) for paragraph in paragraphs) >= THIN_WORDS


def _general(document: Document) -> PageFacts:
    """What any page says."""
    rungs = {
        "jsonld": jsonld.read(document),
        "microdata": microdata.read(document),
        "opengraph": opengraph.read(document),
        "html": page_rules.read(document),
        "linked": linked.read(document),
    }
    known, _ = merged(rungs)
    text = main_text.read(document, known.title or document.session)
    if known.body is None:
        main = Facts(body=text.markdown or None)
        rungs = {text.method: main, **rungs}
    return PageFacts(
        rungs=rungs,
        text=lines_of(document.content),
        words=text.words,
        is_session=_is_session(document, rungs),
    )


def _is_session(document: Document, rungs: Mapping[str, Facts]) -> bool:
    """Whether some rule has found the session: its Event, its title, or who speaks and when."""
    wanted, seen = document.shows(document.session), rungs["html"]
    return (
        any(rungs[name] != Facts() for name in ("jsonld", "microdata"))
        or (wanted is not None and wanted in document.headings())
        or bool(seen.speakers and (seen.start or seen.start_raw or seen.room))
    )
