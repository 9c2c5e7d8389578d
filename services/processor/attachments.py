"""The files that belong to a session: fetched one after the other, typed, read, stored."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import msgspec

from eventjob.artifacts.store import Artifacts
from eventjob.domain.names import file_name, unique
from eventjob.fetch.client import Fetched, FetchFailed, Gate
from services.processor.extract.facts import Kind, Wanted
from services.processor.extract.linked import name_in
from services.processor.extract.pdf import page_texts
from services.processor.limits import MOST_FILES, Limits
from services.processor.pool import Broke, Pool, TookTooLong
from services.processor.ports import Fetches
from services.processor.sniff import HEAD_BYTES, HTML, FileType, sniff

TRIES = 2
LONGEST_STEM = 80  # characters; an image is called what its text for the blind says


class Had(msgspec.Struct, frozen=True, kw_only=True):
    """A file that was stored; ``name`` is unique among those of its session."""

    wanted: Wanted
    name: str
    sha256: str
    size_bytes: int
    media_type: str
    pages: list[str] = []  # the text of a PDF


class Haul(msgspec.Struct, frozen=True):
    """What could be had, in the order it was wanted, and for the rest the reasons."""

    files: list[Had]
    warnings: list[str]

    @property
    def text(self) -> str | None:
        """What all PDFs say, each under its name; None where none says anything."""
        read = ["\n\n".join([file.name, *file.pages]) for file in self.files if file.pages]
        return "\n\n".join(read) or None


class Attachments:
    """Fetches what is wanted."""

    def __init__(
        self, *, fetcher: Fetches, gate: Gate, limits: Limits, artifacts: Artifacts, pool: Pool
    ) -> None:
        self._fetcher = fetcher
        self._gate = gate
        self._limits = limits
        self._artifacts = artifacts
        self._pool = pool

    async def collect(self, wanted: Sequence[Wanted], folder: Path, until: float) -> Haul:
        """All that can be had of ``wanted`` before ``until``, a time of the event loop.

        Raises:
            ArtifactsUnavailable: it cannot be stored.
        """
        had: list[Had] = []
        warnings: list[str] = []
        for one in wanted[:MOST_FILES]:
            left_bytes = self._limits.job_bytes - sum(file.size_bytes for file in had)
            try:
                async with asyncio.timeout_at(until):
                    file, warning = await self._persistently(one, folder, left_bytes)
            except FetchFailed as failure:
                warnings.append(f"{one.url}: {failure.code}: {failure}")
            except TimeoutError:
                warnings.append(f"{one.url}: timeout: no time was left for it")
            else:
                had.append(file)
                warnings += [f"{one.url}: {warning}"] if warning else []
        if len(wanted) > MOST_FILES:
            warnings.append(f"too_many_files: {len(wanted)}, of which {MOST_FILES} were fetched")
        names = unique([file.name for file in had])
        files = [msgspec.structs.replace(f, name=n) for f, n in zip(had, names, strict=True)]
        return Haul(files, warnings)

    async def _persistently(
        self, wanted: Wanted, folder: Path, left_bytes: int
    ) -> tuple[Had, str | None]:
        """As `_one`, tried again where that may help: the gate makes it wait as it should."""
        for _ in range(TRIES - 1):
            try:
                return await self._one(wanted, folder, left_bytes)
            except FetchFailed as failure:
                if not failure.transient or failure.code == "postponed":
                    raise
        return await self._one(wanted, folder, left_bytes)

    async def _one(self, wanted: Wanted, folder: Path, left_bytes: int) -> tuple[Had, str | None]:
        """The stored file, and a warning where its text could not be read."""
        fetched = await self._fetcher.fetch(
            wanted.url,
            caps=self._limits.of(wanted.kind, left_bytes),
            gate=self._gate,
            directory=folder,
            accept=lambda media_type: media_type not in {HTML, "application/xhtml+xml"},
        )
        try:
            return await self._stored(wanted, fetched)
        finally:
            fetched.path.unlink()

    async def _stored(self, wanted: Wanted, fetched: Fetched) -> tuple[Had, str | None]:
        in_url = name_in(fetched.final_url)
        with fetched.path.open("rb") as file:
            file_type = sniff(file.read(HEAD_BYTES), in_url)
        _check(wanted.kind, file_type)
        pages, warning = await self._pages(fetched.path, file_type)
        had = Had(
            wanted=wanted,
            name=_name(wanted.title or name_in(wanted.url), file_type, wanted.kind),
            sha256=await self._artifacts.put_file(fetched.path, fetched.sha256),
            size_bytes=fetched.size_bytes,
            media_type=file_type.media_type,
            pages=pages,
        )
        return had, warning

    async def _pages(self, path: Path, file_type: FileType) -> tuple[list[str], str | None]:
        if file_type.extension != ".pdf":
            return [], None
        try:
            return await self._pool.run(page_texts, path), None
        except (Broke, TookTooLong) as reason:
            return [], f"pdf_unreadable: {reason}"


def _check(kind: Kind, file_type: FileType) -> None:
    """Nothing for a file that can be what it was taken for; a web page is none."""
    is_image = file_type.media_type.startswith("image/")
    if file_type.media_type == HTML or (kind == "images" and not is_image):
        raise FetchFailed("wrong_type", f"it is {file_type.media_type}")


def _name(title: str, file_type: FileType, kind: Kind) -> str:
    """``title`` as a safe file name, with the extension of what the file is."""
    stem = title.removesuffix(file_type.extension)[:LONGEST_STEM].strip()
    return file_name(f"{stem}{file_type.extension}", f"{kind}{file_type.extension}")
