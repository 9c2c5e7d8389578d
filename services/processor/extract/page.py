"""Merge the facts of a page's rungs, and of its schedule, by precedence."""

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar
from urllib.parse import urldefrag

import msgspec

from services.processor.extract.facts import Facts, FileLink, Link, Speaker, Video
from services.processor.extract.html.document import match_key
from services.processor.extract.rungs.links import is_subtitles_url, language_in

SCHEDULE = "schedule"
PARAMETERS = "parameters"
THIN_WORDS = 40  # error pages and JavaScript shells have fewer

_GUESSING_RUNGS = ("opengraph", "html", "linked", PARAMETERS)  # less reliable than a schedule
_SCHEDULE_FIELDS = ("start", "end", "timezone", "room", "track", "speakers", "body")
_UNITED_FIELDS = ("videos", "files", "links")

Item = TypeVar("Item", Video, FileLink, Link)


class PageFacts(msgspec.Struct, frozen=True, kw_only=True):
    """The facts of a page alone."""

    rungs: dict[str, Facts]  # by descending priority
    text: str  # of the main part, plain
    words: int  # of the main text
    is_session: bool  # a rung has found one
    encoding: str = ""
    warnings: list[str] = msgspec.field(default_factory=list)
    schedule: str | None = None  # URL of the conference's schedule


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """The merged facts of a session."""

    facts: Facts
    sources: dict[str, str]  # which rung gave each fact
    text: str
    encoding: str
    warnings: list[str]
    words: int
    is_session: bool

    @property
    def method(self) -> str:
        """The rung that gave the main text."""
        return self.sources.get("body", "none")

    @property
    def is_thin(self) -> bool:
        """True if the page cannot be a session."""
        return self.words < THIN_WORDS and not self.is_session


def build_page(page_facts: PageFacts, scheduled: Facts | None = None) -> Page:
    """Merge the page with what its conference's schedule says of the session."""
    rungs = page_facts.rungs if scheduled is None else _insert_schedule(page_facts, scheduled)
    merged, sources = merge_rungs(rungs)
    facts = unify_files(merged)
    return Page(
        facts=facts,
        sources=sources,
        text=page_facts.text,
        encoding=page_facts.encoding,
        warnings=[*page_facts.warnings, *_missing_warnings(facts)],
        words=page_facts.words,
        is_session=page_facts.is_session or scheduled is not None,
    )


def merge_rungs(rungs: Mapping[str, Facts]) -> tuple[Facts, dict[str, str]]:
    """Merge the rungs; return the facts, and for each the name of its rung.

    The first rung that knows a fact wins. Videos, files and links are united by URL.
    """
    merged: dict[str, Any] = {}
    sources: dict[str, str] = {}
    for field in Facts.__struct_fields__:
        values = {name: getattr(facts, field) for name, facts in _rungs_by_priority(rungs, field)}
        values = {name: value for name, value in values.items() if value not in (None, "", ())}
        if values:
            sources[field], merged[field] = next(iter(values.items()))
            if field in _UNITED_FIELDS:
                merged[field] = _unite(values)
    if sources.get("speakers") == SCHEDULE:
        merged["speakers"] = _enrich(merged["speakers"], rungs.values())
    return msgspec.structs.replace(Facts(), **merged), sources


def unify_files(facts: Facts) -> Facts:
    """Keep each file once, and treat linked subtitles as files."""
    files: dict[str, FileLink] = {}
    for file_link in facts.files:
        url, _ = urldefrag(file_link.url)
        files.setdefault(url, msgspec.structs.replace(file_link, url=url))
    for link in facts.links:
        if is_subtitles_url(link.url):
            file_link = FileLink("subtitles", link.url, link.title, "linked", language_in(link.url))
            files.setdefault(link.url, file_link)
    return msgspec.structs.replace(facts, files=tuple(files.values()))


def _insert_schedule(page_facts: PageFacts, scheduled: Facts) -> dict[str, Facts]:
    """Insert the schedule before the rungs that only guess."""
    is_page_thin = page_facts.words < (1 if page_facts.is_session else THIN_WORDS)
    body = scheduled.body or scheduled.abstract if is_page_thin else None
    scheduled = msgspec.structs.replace(scheduled, body=body)
    sure = {name: facts for name, facts in page_facts.rungs.items() if name not in _GUESSING_RUNGS}
    return {**sure, SCHEDULE: scheduled, **page_facts.rungs}


def _rungs_by_priority(rungs: Mapping[str, Facts], field: str) -> Iterable[tuple[str, Facts]]:
    """Order the rungs by their priority for ``field``."""
    if field in _SCHEDULE_FIELDS and SCHEDULE in rungs:
        return {SCHEDULE: rungs[SCHEDULE], **rungs}.items()
    return rungs.items()


def _unite(values: Mapping[str, tuple[Item, ...]]) -> tuple[Item, ...]:
    """Unite items by URL; those that the job names come first."""
    by_url: dict[str, Item] = {}
    for items in values.values():
        for item in items:
            by_url.setdefault(item.url, item)
    job_urls = {item.url for item in values.get(PARAMETERS, ())}
    return tuple(sorted(by_url.values(), key=lambda item: item.url not in job_urls))


def _enrich(speakers: Iterable[Speaker], rungs: Iterable[Facts]) -> tuple[Speaker, ...]:
    """Add URLs and biographies that other rungs know."""
    known: dict[str, Speaker] = {}
    for speaker in (speaker for facts in rungs for speaker in facts.speakers):
        previous = known.setdefault(match_key(speaker.name), speaker)
        known[match_key(speaker.name)] = Speaker(
            previous.name, previous.url or speaker.url, previous.bio or speaker.bio
        )
    return tuple(
        msgspec.structs.replace(known[match_key(speaker.name)], name=speaker.name)
        for speaker in speakers
    )


def _missing_warnings(facts: Facts) -> list[str]:
    return [
        f"{name}_missing" for name in ("abstract", "speakers", "start") if not getattr(facts, name)
    ]
