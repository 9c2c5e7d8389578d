"""Download a session's files one by one: identify, store, read."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import msgspec

from eventjob.artifacts.store import Artifacts
from eventjob.domain.names import make_folder_name, make_unique
from eventjob.fetch.client import FetchFailed, FetchResult, Gate
from services.processor.extract.facts import FileLink
from services.processor.extract.rungs.links import filename_in
from services.processor.extract.rungs.page_rules import is_video_url
from services.processor.fetching.session_fetcher import SessionFetcher
from services.processor.files.contents import ContentReader, PreviewBudget
from services.processor.files.dimensions import read_dimensions
from services.processor.files.filetype import IS_VIDEO, check_type, is_acceptable
from services.processor.files.limits import MAX_FILES, MAX_PREVIEWS, Limits, check_pixels
from services.processor.files.session_files import DownloadedFile, SessionFiles, choose_filename
from services.processor.files.sniff import HEAD_BYTES
from services.processor.pool.pool import Pool

ATTEMPTS = 2  # few: a missing file is only a warning


class Attachments:
    """Downloads the files that a page links."""

    def __init__(self, *, gate: Gate, limits: Limits, artifacts: Artifacts, pool: Pool) -> None:
        self._gate = gate
        self._limits = limits
        self._artifacts = artifacts
        self._contents = ContentReader(pool, artifacts)

    async def collect(
        self, fetcher: SessionFetcher, links: Sequence[FileLink], folder: Path, deadline: float
    ) -> SessionFiles:
        """Download what can be had of ``links`` before ``deadline``, in the event loop's time."""
        downloads = SessionFiles([], [])
        fetchable = [link for link in links if not is_video_url(link.url)]
        for link in fetchable[:MAX_FILES]:  # one by one: each takes from the job's bytes
            try:
                file, warnings = await self._process(
                    fetcher, link, folder, deadline=deadline, downloads=downloads
                )
            except FetchFailed as failure:
                if failure.code != IS_VIDEO:  # videos are only linked: no warning
                    downloads.warnings.append(f"{link.url}: {failure.code}: {failure}")
            except TimeoutError:
                downloads.warnings.append(f"{link.url}: timeout: no time was left for it")
            else:
                downloads.files.append(file)
                downloads.warnings.extend(f"{link.url}: {warning}" for warning in warnings)
        if len(fetchable) > MAX_FILES:
            warning = f"too_many_files: {len(fetchable)}, of which {MAX_FILES} were fetched"
            downloads.warnings.append(warning)
        return msgspec.structs.replace(downloads, files=_make_names_unique(downloads.files))

    async def _process(
        self,
        fetcher: SessionFetcher,
        link: FileLink,
        folder: Path,
        *,
        deadline: float,
        downloads: SessionFiles,
    ) -> tuple[DownloadedFile, list[str]]:
        """Download, store and read one file; returns warnings about differences."""
        left_bytes = self._limits.job_bytes - sum(file.total_bytes for file in downloads.files)
        most_previews = MAX_PREVIEWS - sum(len(file.previews) for file in downloads.files)
        async with asyncio.timeout_at(deadline):
            fetched = await self._fetch_with_retry(fetcher, link, folder, left_bytes)
        try:
            file, warnings = await self._store(link, fetched)
            try:
                async with asyncio.timeout_at(deadline):
                    budget = PreviewBudget(most_previews, left_bytes - file.size_bytes)
                    contents = await self._contents.read(file, fetched, budget)
            except TimeoutError:
                return file, [*warnings, "timeout: no time was left to read it"]
            return contents.file, [*warnings, *contents.warnings]
        finally:
            fetched.path.unlink()  # temporary: the store has a copy

    async def _fetch_with_retry(
        self, fetcher: SessionFetcher, link: FileLink, folder: Path, left_bytes: int
    ) -> FetchResult:
        """Fetch again after a transient failure; the gate adds the pauses."""
        for _ in range(ATTEMPTS - 1):
            try:
                return await self._fetch(fetcher, link, folder, left_bytes)
            except FetchFailed as failure:
                if not failure.transient or failure.code == "postponed":  # the host is busy
                    raise
        return await self._fetch(fetcher, link, folder, left_bytes)

    async def _fetch(
        self, fetcher: SessionFetcher, link: FileLink, folder: Path, left_bytes: int
    ) -> FetchResult:
        return await fetcher.fetch(
            link.url,
            caps=self._limits.caps_for(link.kind, left_bytes),
            gate=self._gate,
            directory=folder,
            accept=lambda declared: is_acceptable(link.kind, declared),
        )

    async def _store(
        self, link: FileLink, fetched: FetchResult
    ) -> tuple[DownloadedFile, list[str]]:
        with fetched.path.open("rb") as file:
            head = file.read(HEAD_BYTES)
        checked = check_type(link.kind, fetched.media_type, head, filename_in(fetched.final_url))
        pixels = read_dimensions(fetched.path, checked.file_type.media_type)
        if link.kind == "images":
            check_pixels(pixels)
        if not fetched.is_artifact:  # the cache has stored large bodies already
            await self._artifacts.put_file(fetched.path, fetched.sha256)
        stored = DownloadedFile(
            link=link,
            name=choose_filename(link, checked.file_type.extension),
            sha256=fetched.sha256,
            size_bytes=fetched.size_bytes,
            media_type=checked.file_type.media_type,
            pixels=pixels,
        )
        return stored, [checked.mismatch] if checked.mismatch else []


def _make_names_unique(files: list[DownloadedFile]) -> list[DownloadedFile]:
    """Rename files that collide with each other or with preview folders."""
    stems = [make_folder_name(file.name.rpartition(".")[0], "previews") for file in files]
    names = make_unique([*(file.name for file in files), *stems])
    renamed = zip(files, names, names[len(files) :], strict=False)
    return [
        msgspec.structs.replace(file, name=name, preview_folder=folder if file.previews else "")
        for file, name, folder in renamed
    ]
