"""Process one session end to end: fetch, extract, download files, compose, store."""

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
from services.processor.extract.page import Page, PageFacts, build_page
from services.processor.fetching.session_fetcher import PageSource, SessionFetcher
from services.processor.files.attachments import Attachments
from services.processor.files.filetype import check_type, is_acceptable
from services.processor.files.limits import Limits
from services.processor.files.session_files import SessionFiles
from services.processor.files.sniff import HEAD_BYTES
from services.processor.pool.pool import Pool
from services.processor.schedule.matching import SessionQuery
from services.processor.schedule.schedules import Schedules

MAX_LOG_LINES = 20  # they travel in the report and in the event log
MAX_LOG_LINE_LENGTH = 500


class ThinContent(Exception):
    """The page has little text and lacks any sign of a session: an error page, or JavaScript."""


class StoredSession(msgspec.Struct, frozen=True):
    """A session in the artifact store."""

    bundle: str
    files: list[FileRef]  # the Markdown first
    log: list[LogLine]
    sources: list[str] = []  # artifacts it was made from, besides its files


class SessionBuilder:
    """Builds sessions from pages."""

    def __init__(
        self,
        *,
        fetcher: PageSource,
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

    async def build(self, parameters: Parameters, folder: Path, deadline: float) -> StoredSession:
        """Build and store the session that ``parameters`` describe.

        Args:
            parameters: the job's.
            folder: for temporary files; it is empty again afterwards.
            deadline: when to stop fetching files, in the event loop's time.

        Raises:
            FetchFailed: the page cannot be fetched.
            ThinContent, TaskFailed, TaskTimeout: the page cannot be read.
            ArtifactsUnavailable: the store fails.
        """
        fetcher = SessionFetcher(self._fetcher, use_cache=parameters.use_cache)
        fetched, page_facts = await self._read_page(fetcher, parameters, folder)
        page = await self._add_schedule(page_facts, fetcher, fetched, parameters)
        if page.is_thin:  # after the schedule, which may know the session
            raise ThinContent(f"no session found, and only {page.words} words of main text")
        downloads = await self._attachments.collect(fetcher, page.facts.files, folder, deadline)
        stored = await self._store(parameters, fetched, page, downloads)
        return msgspec.structs.replace(stored, sources=_sources(fetcher, stored.files))

    async def _read_page(
        self, fetcher: SessionFetcher, parameters: Parameters, folder: Path
    ) -> tuple[FetchResult, PageFacts]:
        fetched = await fetcher.fetch(
            parameters.url,
            caps=self._limits.page,
            gate=self._gate,
            directory=folder,
            accept=partial(is_acceptable, "page"),
        )
        try:
            with fetched.path.open("rb") as file:
                check_type("page", fetched.media_type, file.read(HEAD_BYTES), fetched.final_url)
            return fetched, await self._pool.run(
                read_page, fetched.path, fetched.charset, fetched.final_url, parameters
            )
        finally:
            fetched.path.unlink()  # only its facts are needed from here on

    async def _add_schedule(
        self,
        page_facts: PageFacts,
        fetcher: SessionFetcher,
        fetched: FetchResult,
        parameters: Parameters,
    ) -> Page:
        """Return the page, joined with what its conference's schedule knows of the session."""
        page = build_page(page_facts)
        if page_facts.schedule is None:
            return page
        facts = page.facts
        query = SessionQuery(
            urls=tuple(filter(None, (fetched.final_url, parameters.url, facts.url))),
            titles=tuple(filter(None, (facts.title, parameters.session))),
            day=parameters.day,
            starttime=parameters.starttime,
        )
        match = await self._schedules.look_up(page_facts.schedule, query, fetcher.reuse)
        fetcher.artifacts.update(match.sources)
        if match.facts is not None:
            page = build_page(page_facts, match.facts)
        return msgspec.structs.replace(page, warnings=[*page.warnings, *match.warnings])

    async def _store(
        self, parameters: Parameters, fetched: FetchResult, page: Page, downloads: SessionFiles
    ) -> StoredSession:
        paths = session_paths(parameters.event, parameters.track, parameters.filename)
        front = document.build_front_matter(parameters, page, fetched, downloads, paths)
        markdown = document.render(front, page, downloads, paths).encode()
        files = [
            FileRef(
                path=paths.markdown,
                sha256=sha256(markdown).hexdigest(),
                size_bytes=len(markdown),
                media_type="text/markdown",
                source_url=fetched.final_url,
            ),
            *file_refs(downloads, paths),
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
            page_texts=[text for file in downloads.files for text in file.pages],
            attachments_text=downloads.text,
            video_transcript=downloads.transcript(parameters.source_language),
            attachments_url=parameters.attachments_url,
        )
        _, name = await self._artifacts.put_all(markdown, msgspec.json.encode(bundle))
        return StoredSession(name, files, self._log(fetched, page, downloads))

    def _log(self, fetched: FetchResult, page: Page, downloads: SessionFiles) -> list[LogLine]:
        now = self._clock()
        size = f"{fetched.size_bytes} bytes, {page.words} words of main text"
        files = f"{len(downloads.files)} of {len(page.facts.files)} files"
        summary = f"fetched {_host(fetched)}: {size}, {files}"
        shown = [warning[:MAX_LOG_LINE_LENGTH] for warning in downloads.warnings[:MAX_LOG_LINES]]
        if len(downloads.warnings) > len(shown):
            shown.append(f"{len(downloads.warnings)} warnings in all: the Markdown has them")
        warnings = (LogLine(timestamp=now, level="warning", message=text) for text in shown)
        return [LogLine(timestamp=now, level="info", message=summary), *warnings]


def _host(fetched: FetchResult) -> str | None:
    return urlsplit(fetched.final_url).hostname


def _sources(fetcher: SessionFetcher, files: list[FileRef]) -> list[str]:
    return sorted(fetcher.artifacts - {file.sha256 for file in files})
