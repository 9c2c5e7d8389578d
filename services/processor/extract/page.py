"""A page as a whole: what its rungs know, put together with what its schedule knows."""

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar
from urllib.parse import urldefrag

import msgspec

from services.processor.extract.facts import Facts, FileLink, Link, Speaker, Video
from services.processor.extract.html.document import alike
from services.processor.extract.rungs.links import is_subtitles, language_in

SCHEDULE = "schedule"
PARAMETERS = "parameters"
THIN_WORDS = 40

_GUESSES = ("opengraph", "html", "linked", PARAMETERS)  # which a schedule knows better
_OF_THE_SCHEDULE = ("start", "end", "timezone", "room", "track", "speakers", "body")
_UNITED = ("videos", "files", "links")

Item = TypeVar("Item", Video, FileLink, Link)


class PageFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What a page alone says."""

    rungs: dict[str, Facts]  # in the order in which they are believed
    text: str  # of the main part, plain
    words: int  # of the main text
    is_session: bool  # some rule has found one
    encoding: str = ""
    warnings: list[str] = msgspec.field(default_factory=list)
    schedule: str | None = None  # the address of its conference's


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """All that is known of a session."""

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
        """Whether there is nothing on it that could be a session."""
        return self.words < THIN_WORDS and not self.is_session


def page_of(reading: PageFacts, scheduled: Facts | None = None) -> Page:
    """The page, with what its conference's schedule says of the session."""
    rungs = reading.rungs if scheduled is None else _joined(reading, scheduled)
    known, sources = merged(rungs)
    facts = placed(known)
    return Page(
        facts=facts,
        sources=sources,
        text=reading.text,
        encoding=reading.encoding,
        warnings=[*reading.warnings, *_missing(facts)],
        words=reading.words,
        is_session=reading.is_session or scheduled is not None,
    )


def merged(rungs: Mapping[str, Facts]) -> tuple[Facts, dict[str, str]]:
    """All that is known, the first rung winning, and for each fact the name of its rung.

    Videos, files and links are everybody's together, each address once.
    """
    known: dict[str, Any] = {}
    sources: dict[str, str] = {}
    for field in Facts.__struct_fields__:
        said = {name: getattr(facts, field) for name, facts in _believed(rungs, field)}
        said = {name: value for name, value in said.items() if value not in (None, "", ())}
        if said:
            sources[field], known[field] = next(iter(said.items()))
            if field in _UNITED:
                known[field] = _united(said)
    if sources.get("speakers") == SCHEDULE:
        known["speakers"] = _enriched(known["speakers"], rungs.values())
    return msgspec.structs.replace(Facts(), **known), sources


def _joined(reading: PageFacts, scheduled: Facts) -> dict[str, Facts]:
    """The page's rungs, and the schedule before those that only guess."""
    says_nothing = reading.words < (1 if reading.is_session else THIN_WORDS)
    body = scheduled.body or scheduled.abstract if says_nothing else None
    scheduled = msgspec.structs.replace(scheduled, body=body)
    sure = {name: facts for name, facts in reading.rungs.items() if name not in _GUESSES}
    return {**sure, SCHEDULE: scheduled, **reading.rungs}


def _believed(rungs: Mapping[str, Facts], field: str) -> Iterable[tuple[str, Facts]]:
    """The rungs in the order in which they are believed about ``field``."""
    if field in _OF_THE_SCHEDULE and SCHEDULE in rungs:
        return {SCHEDULE: rungs[SCHEDULE], **rungs}.items()
    return rungs.items()


def _united(said: Mapping[str, tuple[Item, ...]]) -> tuple[Item, ...]:
    """What all say, each address once; what the job itself names comes first."""
    by_url: dict[str, Item] = {}
    for items in said.values():
        for item in items:
            by_url.setdefault(item.url, item)
    asked_for = {item.url for item in said.get(PARAMETERS, ())}
    return tuple(sorted(by_url.values(), key=lambda item: item.url not in asked_for))


def _enriched(speakers: Iterable[Speaker], rungs: Iterable[Facts]) -> tuple[Speaker, ...]:
    """The speakers with addresses and biographies that others know of them."""
    known: dict[str, Speaker] = {}
    for speaker in (speaker for facts in rungs for speaker in facts.speakers):
        before = known.setdefault(alike(speaker.name), speaker)
        known[alike(speaker.name)] = Speaker(
            before.name, before.url or speaker.url, before.bio or speaker.bio
        )
    return tuple(
        msgspec.structs.replace(known[alike(speaker.name)], name=speaker.name)
        for speaker in speakers
    )


def _missing(facts: Facts) -> list[str]:
    return [
        f"{name}_missing" for name in ("abstract", "speakers", "start") if not getattr(facts, name)
    ]


def placed(facts: Facts) -> Facts:
    """``facts`` with each file once, and linked subtitles as files."""
    files: dict[str, FileLink] = {}
    for wanted in facts.files:
        url, _ = urldefrag(wanted.url)
        files.setdefault(url, msgspec.structs.replace(wanted, url=url))
    for link in facts.links:
        if is_subtitles(link.url):
            wanted = FileLink("subtitles", link.url, link.title, "linked", language_in(link.url))
            files.setdefault(link.url, wanted)
    return msgspec.structs.replace(facts, files=tuple(files.values()))
