"""The files that belong to a session: fetched one after the other, typed, stored, read."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import msgspec

from eventjob.artifacts.store import Artifacts
from eventjob.domain.names import folder_name, unique
from eventjob.fetch.client import FetchFailed, FetchResult, Gate
from services.processor.extract.facts import FileLink
from services.processor.extract.rungs.links import name_in
from services.processor.extract.rungs.page_rules import is_video
from services.processor.fetching.session_fetcher import SessionFetcher
from services.processor.files.contents import ContentReader, PreviewBudget
from services.processor.files.dimensions import dimensions
from services.processor.files.filetype import IS_VIDEO, may_be, verdict
from services.processor.files.limits import MOST_FILES, MOST_PREVIEWS, Limits, check_pixels
from services.processor.files.session_files import DownloadedFile, SessionFiles, named
from services.processor.files.sniff import HEAD_BYTES
from services.processor.pool.pool import Pool

TRIES = 2


class Attachments:
    """Fetches what is wanted."""

    def __init__(self, *, gate: Gate, limits: Limits, artifacts: Artifacts, pool: Pool) -> None:
        self._gate = gate
        self._limits = limits
        self._artifacts = artifacts
        self._contents = ContentReader(pool, artifacts)

    async def collect(
        self, visit: SessionFetcher, wanted: Sequence[FileLink], folder: Path, until: float
    ) -> SessionFiles:
        """All that can be had of ``wanted`` before ``until``, a time of the event loop.

        Raises:
            ArtifactsUnavailable: it cannot be stored.
        """
        haul = SessionFiles([], [])
        fetchable = [one for one in wanted if not is_video(one.url)]
        for one in fetchable[:MOST_FILES]:
            try:
                file, warnings = await self._one(visit, one, folder, until=until, haul=haul)
            except FetchFailed as failure:
                if failure.code != IS_VIDEO:  # which is linked
                    haul.warnings.append(f"{one.url}: {failure.code}: {failure}")
            except TimeoutError:
                haul.warnings.append(f"{one.url}: timeout: no time was left for it")
            else:
                haul.files.append(file)
                haul.warnings.extend(f"{one.url}: {warning}" for warning in warnings)
        if len(fetchable) > MOST_FILES:
            left = f"too_many_files: {len(fetchable)}, of which {MOST_FILES} were fetched"
            haul.warnings.append(left)
        return msgspec.structs.replace(haul, files=_apart(haul.files))

    async def _one(
        self,
        visit: SessionFetcher,
        wanted: FileLink,
        folder: Path,
        *,
        until: float,
        haul: SessionFiles,
    ) -> tuple[DownloadedFile, list[str]]:
        """The stored file, and warnings where it is not quite what was wanted."""
        left_bytes = self._limits.job_bytes - sum(file.all_bytes for file in haul.files)
        most_previews = MOST_PREVIEWS - sum(len(file.previews) for file in haul.files)
        async with asyncio.timeout_at(until):
            fetched = await self._persistently(visit, wanted, folder, left_bytes)
        try:
            file, warnings = await self._stored(wanted, fetched)
            try:
                async with asyncio.timeout_at(until):
                    room = PreviewBudget(most_previews, left_bytes - file.size_bytes)
                    read = await self._contents.read(file, fetched, room)
            except TimeoutError:
                return file, [*warnings, "timeout: no time was left to read it"]
            return read.file, [*warnings, *read.warnings]
        finally:
            fetched.path.unlink()

    async def _persistently(
        self, visit: SessionFetcher, wanted: FileLink, folder: Path, left_bytes: int
    ) -> FetchResult:
        """As `_fetched`, tried again where that may help: the gate makes it wait as it should."""
        for _ in range(TRIES - 1):
            try:
                return await self._fetched(visit, wanted, folder, left_bytes)
            except FetchFailed as failure:
                if not failure.transient or failure.code == "postponed":
                    raise
        return await self._fetched(visit, wanted, folder, left_bytes)

    async def _fetched(
        self, visit: SessionFetcher, wanted: FileLink, folder: Path, left_bytes: int
    ) -> FetchResult:
        return await visit.fetch(
            wanted.url,
            caps=self._limits.of(wanted.kind, left_bytes),
            gate=self._gate,
            directory=folder,
            accept=lambda declared: may_be(wanted.kind, declared),
        )

    async def _stored(
        self, wanted: FileLink, fetched: FetchResult
    ) -> tuple[DownloadedFile, list[str]]:
        with fetched.path.open("rb") as file:
            head = file.read(HEAD_BYTES)
        found = verdict(wanted.kind, fetched.media_type, head, name_in(fetched.final_url))
        pixels = dimensions(fetched.path, found.file_type.media_type)
        if wanted.kind == "images":
            check_pixels(pixels)
        if not fetched.is_artifact:
            await self._artifacts.put_file(fetched.path, fetched.sha256)
        had = DownloadedFile(
            wanted=wanted,
            name=named(wanted, found.file_type.extension),
            sha256=fetched.sha256,
            size_bytes=fetched.size_bytes,
            media_type=found.file_type.media_type,
            pixels=pixels,
        )
        return had, [found.mismatch] if found.mismatch else []


def _apart(files: list[DownloadedFile]) -> list[DownloadedFile]:
    """``files`` under names that do not collide, nor with those of their folders of previews."""
    stems = [folder_name(file.name.rpartition(".")[0], "previews") for file in files]
    names = unique([*(file.name for file in files), *stems])
    apart = zip(files, names, names[len(files) :], strict=False)
    return [
        msgspec.structs.replace(file, name=name, preview_folder=folder if file.previews else "")
        for file, name, folder in apart
    ]
