"""Extract text, previews and transcripts of files, in the pool."""

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from eventjob.artifacts.store import Artifacts
from eventjob.fetch.client import FetchResult
from services.processor.files.limits import MAX_PREVIEWS_PER_FILE
from services.processor.files.pdf import draw_pages, read_page_texts
from services.processor.files.session_files import DownloadedFile, Preview
from services.processor.files.sniff import SUBTITLES
from services.processor.files.subtitles import read_transcript
from services.processor.pool.pool import Pool, TaskFailed, TaskTimeout

PAGES_PER_TASK = 10  # so one page that hangs costs only those after it
PDF = "application/pdf"
_MEDIA_TYPES = {".png": "image/png", ".jpg": "image/jpeg"}


class PreviewBudget(msgspec.Struct, frozen=True):
    """How many previews, and of how many bytes, may still be made."""

    previews: int
    size_bytes: int


class FileContents(msgspec.Struct, frozen=True):
    """A file with its contents, and warnings for what is unreadable."""

    file: DownloadedFile
    warnings: list[str] = []


class ContentReader:
    """Reads files in the pool."""

    def __init__(self, pool: Pool, artifacts: Artifacts) -> None:
        self._pool = pool
        self._artifacts = artifacts

    async def read(
        self, file: DownloadedFile, fetched: FetchResult, budget: PreviewBudget
    ) -> FileContents:
        """Return ``file`` with its contents, read from ``fetched.path``.

        Raises:
            ArtifactsUnavailable: previews cannot be stored.
        """
        if file.media_type in SUBTITLES:
            return await self._read_subtitles(file, fetched)
        if file.media_type == PDF:
            return await self._read_pdf(file, fetched.path, budget)
        return FileContents(file)

    async def _read_subtitles(self, file: DownloadedFile, fetched: FetchResult) -> FileContents:
        try:
            text = await self._pool.run(read_transcript, fetched.path, fetched.charset)
        except (TaskFailed, TaskTimeout) as reason:
            return FileContents(file, [f"subtitles_unreadable: {reason}"])
        return FileContents(msgspec.structs.replace(file, transcript=text))

    async def _read_pdf(
        self, file: DownloadedFile, path: Path, budget: PreviewBudget
    ) -> FileContents:
        try:
            pages = await self._pool.run(read_page_texts, path)
        except (TaskFailed, TaskTimeout) as reason:
            return FileContents(file, [f"pdf_unreadable: {reason}"])
        count = min(len(pages), budget.previews, MAX_PREVIEWS_PER_FILE)
        previews: list[Preview] = []
        warnings = []
        try:
            await self._draw(path, count, budget.size_bytes, previews)
        except (TaskFailed, TaskTimeout) as reason:
            warnings = [f"previews_incomplete: {len(previews)} of {count} pages: {reason}"]
        return FileContents(msgspec.structs.replace(file, pages=pages, previews=previews), warnings)

    async def _draw(self, path: Path, count: int, left_bytes: int, into: list[Preview]) -> None:
        """Append previews of the first ``count`` pages to ``into``, within ``left_bytes``."""
        for first in range(1, count + 1, PAGES_PER_TASK):
            last = min(first + PAGES_PER_TASK - 1, count)
            with TemporaryDirectory(dir=path.parent, ignore_cleanup_errors=True) as folder:
                drawn = await self._pool.run(draw_pages, path, first, last, Path(folder))
                for page, picture in enumerate(drawn, first):
                    data = await asyncio.to_thread(picture.read_bytes)
                    left_bytes -= len(data)
                    if left_bytes < 0:
                        return
                    into.append(await self._store_preview(page, picture, data))

    async def _store_preview(self, page: int, picture: Path, data: bytes) -> Preview:
        return Preview(
            page=page,
            name=picture.name,
            sha256=await self._artifacts.put(data),
            size_bytes=len(data),
            media_type=_MEDIA_TYPES[picture.suffix],
        )
