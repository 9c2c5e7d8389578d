"""Run the cascade: ask each rung what it knows of a page."""

import re
from collections.abc import Mapping
from pathlib import Path

import msgspec

from eventjob.contracts.parameters import Parameters
from services.processor.extract.adapters import registry as adapters
from services.processor.extract.facts import Facts
from services.processor.extract.html.document import Document, attribute, lines_of, text_of
from services.processor.extract.html.encoding import decode, drop_scripts, limit_depth
from services.processor.extract.markdown import main_text
from services.processor.extract.page import PARAMETERS, THIN_WORDS, PageFacts, merge_rungs
from services.processor.extract.rungs import (
    job_parameters,
    jsonld,
    microdata,
    opengraph,
    page_rules,
)
from services.processor.extract.rungs import links as linked
from services.processor.extract.rungs.links import find_tracks
from services.processor.extract.schedule_link import find_schedule_url

_SCHEDULE = re.compile("schedule|fahrplan", re.IGNORECASE)
MAX_CHARACTERS = 1024 * 1024  # trafilatura: 2.6 s at worst, 84 s for five times as many


def read_page(path: Path, charset: str | None, url: str, parameters: Parameters) -> PageFacts:
    """Read the HTML in ``path``; of a large page, the first `MAX_CHARACTERS`.

    Args:
        path: the body as downloaded.
        charset: declared by HTTP.
        url: of the page, after redirects.
        parameters: the job's.
    """
    html, encoding = decode(path.read_bytes(), charset)
    if len(html) > MAX_CHARACTERS:
        html = drop_scripts(html)
    html, is_whole = limit_depth(html[:MAX_CHARACTERS]), len(html) <= MAX_CHARACTERS
    document = Document(html, url, parameters.session, parameters.event)
    page_facts = _read_with_adapter(document) or _read_without_adapter(document)
    rungs = page_facts.rungs | {PARAMETERS: job_parameters.read(parameters, document)}
    warnings = [] if is_whole else ["page_truncated"]
    return msgspec.structs.replace(
        page_facts,
        rungs={name: facts for name, facts in rungs.items() if facts != Facts()},
        encoding=encoding,
        warnings=warnings,
        schedule=_find_schedule_url(document, page_facts),
    )


def _find_schedule_url(document: Document, page_facts: PageFacts) -> str | None:
    """Return the URL of the page's schedule, if there is a sign of one."""
    adapter_names = (name.partition(":")[2] for name in page_facts.rungs if ":" in name)
    software = next(adapter_names, None) or (document.meta("generator") or "").casefold()
    links = (attribute(node, "href") for node in document.head.css("link[href], a[href]"))
    named = (link for link in links if _SCHEDULE.search(link))
    absolute = (url for link in named if (url := document.absolute(link)))
    return find_schedule_url(document.url, software, absolute)


def _read_with_adapter(document: Document) -> PageFacts | None:
    """Read the page with its adapter, if it has one."""
    adapted = adapters.read(document)
    if adapted is None:
        return None
    name, facts = adapted
    rungs = {
        name: facts,
        "jsonld": jsonld.read(document, facts.title or ""),  # fills what the adapter leaves open
        "html": page_rules.read_declared(document),
        "linked": Facts(files=tuple(find_tracks(document))),
    }
    words = main_text.count_words(facts.body or "")
    if not words and _has_prose(document):  # text in places unknown to the adapter
        text = main_text.read(document, facts.title or document.session)
        rungs, words = rungs | {text.method: Facts(body=text.markdown or None)}, text.words
    return PageFacts(
        rungs=rungs,
        text=lines_of(document.main),
        words=words,
        is_session=True,
    )


def _has_prose(document: Document) -> bool:
    """True if the main part has enough text in paragraphs."""
    paragraphs = document.main.css("p")
    return sum(len(text_of(paragraph).split()) for paragraph in paragraphs) >= THIN_WORDS


def _read_without_adapter(document: Document) -> PageFacts:
    """Read the page with the general rungs."""
    rungs = {
        "jsonld": jsonld.read(document),
        "microdata": microdata.read(document),
        "opengraph": opengraph.read(document),
        "html": page_rules.read(document),
        "linked": linked.read(document),
    }
    facts, _ = merge_rungs(rungs)
    text = main_text.read(document, facts.title or document.session)
    if facts.body is None:
        main = Facts(body=text.markdown or None)
        rungs = {text.method: main, **rungs}
    return PageFacts(
        rungs=rungs,
        text=lines_of(document.content),
        words=text.words,
        is_session=_is_session(document, rungs),
    )


def _is_session(document: Document, rungs: Mapping[str, Facts]) -> bool:
    """True if a rung found the session: its Event, its title, or speakers with time or room."""
    title, html = document.find_title(document.session), rungs["html"]
    return (
        any(rungs[name] != Facts() for name in ("jsonld", "microdata"))
        or (title is not None and title in document.headings())
        or bool(html.speakers and (html.start or html.start_raw or html.room))
    )
