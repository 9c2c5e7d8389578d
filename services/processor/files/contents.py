"""What is in a stored file: read by processes that may be killed over it."""

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from eventjob.artifacts.store import Artifacts
from eventjob.fetch.client import FetchResult
from services.processor.files.limits import MOST_PREVIEWS_OF_A_FILE
from services.processor.files.pdf import draw_pages, page_texts
from services.processor.files.session_files import DownloadedFile, Preview
from services.processor.files.sniff import SUBTITLES
from services.processor.files.subtitles import transcript
from services.processor.pool.pool import Broke, Pool, TookTooLong

PAGES_AT_ONCE = 10  # drawn by one task of the pool, within its limits
PDF = "application/pdf"
_MEDIA_TYPES = {".png": "image/png", ".jpg": "image/jpeg"}


class PreviewBudget(msgspec.Struct, frozen=True):
    """How many previews may still be made, and how large they may be together."""

    previews: int
    size_bytes: int


class FileContents(msgspec.Struct, frozen=True):
    """A file with what is in it, and warnings where that cannot be read."""

    file: DownloadedFile
    warnings: list[str] = []


class ContentReader:
    """Reads files."""

    def __init__(self, pool: Pool, artifacts: Artifacts) -> None:
        self._pool = pool
        self._artifacts = artifacts

    async def read(
        self, file: DownloadedFile, fetched: FetchResult, room: PreviewBudget
    ) -> FileContents:
        """``file`` with what is in it; it lies in ``fetched.path``.

        Raises:
            ArtifactsUnavailable: previews cannot be stored.
        """
        if file.media_type in SUBTITLES:
            return await self._subtitles(file, fetched)
        if file.media_type == PDF:
            return await self._pdf(file, fetched.path, room)
        return FileContents(file)

    async def _subtitles(self, file: DownloadedFile, fetched: FetchResult) -> FileContents:
        try:
            said = await self._pool.run(transcript, fetched.path, fetched.charset)
        except (Broke, TookTooLong) as reason:
            return FileContents(file, [f"subtitles_unreadable: {reason}"])
        return FileContents(msgspec.structs.replace(file, transcript=said))

    async def _pdf(self, file: DownloadedFile, path: Path, room: PreviewBudget) -> FileContents:
        try:
            pages = await self._pool.run(page_texts, path)
        except (Broke, TookTooLong) as reason:
            return FileContents(file, [f"pdf_unreadable: {reason}"])
        count = min(len(pages), room.previews, MOST_PREVIEWS_OF_A_FILE)
        previews: list[Preview] = []
        warnings = []
        try:
            await self._draw(path, count, room.size_bytes, previews)
        except (Broke, TookTooLong) as reason:
            warnings = [f"previews_incomplete: {len(previews)} of {count} pages: {reason}"]
        return FileContents(msgspec.structs.replace(file, pages=pages, previews=previews), warnings)

    async def _draw(self, path: Path, count: int, room_bytes: int, into: list[Preview]) -> None:
        """Append previews of the first ``count`` pages to ``into``, as far as there is room."""
        for first in range(1, count + 1, PAGES_AT_ONCE):
            last = min(first + PAGES_AT_ONCE - 1, count)
            with TemporaryDirectory(dir=path.parent, ignore_cleanup_errors=True) as folder:
                drawn = await self._pool.run(draw_pages, path, first, last, Path(folder))
                for page, picture in enumerate(drawn, first):
                    data = await asyncio.to_thread(picture.read_bytes)
                    room_bytes -= len(data)
                    if room_bytes < 0:
                        return
                    into.append(await self._kept(page, picture, data))

    async def _kept(self, page: int, picture: Path, data: bytes) -> Preview:
        return Preview(
            page=page,
            name=picture.name,
            sha256=await self._artifacts.put(data),
            size_bytes=len(data),
            media_type=_MEDIA_TYPES[picture.suffix],
        )
