"""The way of a session: its page, what that says, its files, its Markdown, all of it stored."""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from hashlib import sha256
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from eventjob.artifacts.store import Artifacts
from eventjob.contracts.base import FileRef, LogLine
from eventjob.contracts.parameters import Parameters
from eventjob.contracts.work import Bundle
from eventjob.domain.names import session_paths
from eventjob.fetch.client import FetchResult, Gate
from services.processor.compose import document
from services.processor.compose.files import file_refs
from services.processor.extract.cascade import read_page
from services.processor.extract.page import Page, PageFacts, page_of
from services.processor.fetching.session_fetcher import Fetches, SessionFetcher
from services.processor.files.attachments import Attachments
from services.processor.files.filetype import may_be, verdict
from services.processor.files.limits import Limits
from services.processor.files.session_files import SessionFiles
from services.processor.files.sniff import HEAD_BYTES
from services.processor.pool.pool import Pool
from services.processor.schedule.matching import SessionQuery
from services.processor.schedule.schedules import Schedules

MOST_LOG_LINES = 20  # they travel in a report, and through the log of events
LONGEST_LOG_LINE = 500


class ThinContent(Exception):
    """The page has no session and next to no text: an error page, or one that needs JavaScript."""


class StoredSession(msgspec.Struct, frozen=True):
    """A session that lies in the artifact store."""

    bundle: str
    files: list[FileRef]  # the Markdown first
    log: list[LogLine]
    sources: list[str] = []  # artifacts that were fetched for it and are no files of it


class Sessions:
    """Makes sessions of pages."""

    def __init__(
        self,
        *,
        fetcher: Fetches,
        gate: Gate,
        schedules: Schedules,
        attachments: Attachments,
        artifacts: Artifacts,
        pool: Pool,
        limits: Limits,
        clock: Callable[[], datetime],
    ) -> None:
        self._fetcher = fetcher
        self._gate = gate
        self._schedules = schedules
        self._attachments = attachments
        self._artifacts = artifacts
        self._pool = pool
        self._limits = limits
        self._clock = clock

    async def make(self, parameters: Parameters, folder: Path, until: float) -> StoredSession:
        """The session that ``parameters`` ask for.

        Args:
            parameters: of the job.
            folder: for files on their way; none is left in it.
            until: when to give up waiting for attachments, a time of the event loop.

        Raises:
            FetchFailed: the page cannot be had.
            ThinContent, Broke, TookTooLong: nothing can be made of it.
            ArtifactsUnavailable: it cannot be stored.
        """
        visit = SessionFetcher(self._fetcher, use_cache=parameters.use_cache)
        fetched, reading = await self._read_page(visit, parameters, folder)
        page = await self._with_schedule(reading, visit, fetched, parameters)
        if page.is_thin:
            raise ThinContent(f"no session found, and only {page.words} words of main text")
        haul = await self._attachments.collect(visit, page.facts.files, folder, until)
        stored = await self._store(parameters, fetched, page, haul)
        return msgspec.structs.replace(stored, sources=_sources(visit, stored.files))

    async def _read_page(
        self, visit: SessionFetcher, parameters: Parameters, folder: Path
    ) -> tuple[FetchResult, PageFacts]:
        fetched = await visit.fetch(
            parameters.url,
            caps=self._limits.page,
            gate=self._gate,
            directory=folder,
            accept=partial(may_be, "page"),
        )
        try:
            with fetched.path.open("rb") as file:
                verdict("page", fetched.media_type, file.read(HEAD_BYTES), fetched.final_url)
            return fetched, await self._pool.run(
                read_page, fetched.path, fetched.charset, fetched.final_url, parameters
            )
        finally:
            fetched.path.unlink()

    async def _with_schedule(
        self,
        reading: PageFacts,
        visit: SessionFetcher,
        fetched: FetchResult,
        parameters: Parameters,
    ) -> Page:
        """The page, with what its conference's schedule says, if it has one."""
        page = page_of(reading)
        if reading.schedule is None:
            return page
        facts = page.facts
        wish = SessionQuery(
            urls=tuple(filter(None, (fetched.final_url, parameters.url, facts.url))),
            titles=tuple(filter(None, (facts.title, parameters.session))),
            day=parameters.day,
            starttime=parameters.starttime,
        )
        found = await self._schedules.look_up(reading.schedule, wish, visit.reuse)
        visit.artifacts.update(found.sources)
        if found.facts is not None:
            page = page_of(reading, found.facts)
        return msgspec.structs.replace(page, warnings=[*page.warnings, *found.warnings])

    async def _store(
        self, parameters: Parameters, fetched: FetchResult, page: Page, haul: SessionFiles
    ) -> StoredSession:
        paths = session_paths(parameters.event, parameters.track, parameters.filename)
        front = document.front_matter(parameters, page, fetched, haul, paths)
        markdown = document.render(front, page, haul, paths).encode()
        files = [
            FileRef(
                path=paths.markdown,
                sha256=sha256(markdown).hexdigest(),
                size_bytes=len(markdown),
                media_type="text/markdown",
                source_url=fetched.final_url,
            ),
            *file_refs(haul, paths),
        ]
        bundle = Bundle(
            title=front["session"]["title"],
            event=parameters.event,
            track=parameters.track,
            target_dir=paths.folder,
            asset_dir=paths.asset_folder,
            archive_filename=f"{paths.stem}.zip",
            markdown_file=paths.markdown,
            files=files,
            web_text=page.text,
            structured_data=msgspec.Raw(msgspec.json.encode(front)),
            page_texts=[text for file in haul.files for text in file.pages],
            attachments_text=haul.text,
            video_transcript=haul.transcript(parameters.source_language),
            attachments_url=parameters.attachments_url,
        )
        _, name = await self._artifacts.put_all(markdown, msgspec.json.encode(bundle))
        return StoredSession(name, files, self._log(fetched, page, haul))

    def _log(self, fetched: FetchResult, page: Page, haul: SessionFiles) -> list[LogLine]:
        now = self._clock()
        size = f"{fetched.size_bytes} bytes, {page.words} words of main text"
        done = (
            f"fetched {_host(fetched)}: {size}, {len(haul.files)} of {len(page.facts.files)} files"
        )
        told = [warning[:LONGEST_LOG_LINE] for warning in haul.warnings[:MOST_LOG_LINES]]
        if len(haul.warnings) > len(told):
            told.append(f"{len(haul.warnings)} warnings in all: the Markdown has them")
        warnings = (LogLine(timestamp=now, level="warning", message=text) for text in told)
        return [LogLine(timestamp=now, level="info", message=done), *warnings]


def _host(fetched: FetchResult) -> str | None:
    return urlsplit(fetched.final_url).hostname


def _sources(visit: SessionFetcher, files: list[FileRef]) -> list[str]:
    return sorted(visit.artifacts - {file.sha256 for file in files})
