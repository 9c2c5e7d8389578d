"""Build a deterministic ZIP of stored files, with README and manifest, and store it."""

import asyncio
import hashlib
import re
import stat
import zipfile
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import ExitStack
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, ParamSpec, Protocol, TypeVar

import msgspec

from eventjob.artifacts.store import ArtifactMissing, Artifacts
from eventjob.contracts.base import FileRef
from eventjob.domain.names import MANIFEST, README, collision_key, is_safe

MANIFEST_SCHEMA = "event-session-archive/1"

FEW_FILES = 50  # planning these is faster than starting a thread
IN_MEMORY_BYTES = 1024 * 1024  # smaller ZIPs never touch the disk

P = ParamSpec("P")
Result = TypeVar("Result")

_INLINE_WRITE_BYTES = 64 * 1024  # a thread's round trip costs more than this write
_COMPRESSIBLE = re.compile(
    r"text/|application/(?:json|xml|javascript)\b|[^;]*\+(?:json|xml)\b", re.IGNORECASE
)


class ArtifactReader(Protocol):
    """The source of the members' content."""

    def stream(self, sha256: str, /) -> AsyncIterator[bytes]:
        """Yield the content in chunks, or raise `ArtifactMissing`."""


class BrokenMember(Exception):
    """A file's content is missing or differs from its reference."""


class Zip(msgspec.Struct, frozen=True):
    """A finished ZIP on disk."""

    path: Path
    sha256: str
    size_bytes: int


async def build_zip(
    artifacts: ArtifactReader, files: Sequence[FileRef], readme: str, target: Path
) -> Zip:
    """Write ``files``, README and manifest to ``target``, in constant memory.

    If it fails, ``target`` is removed.

    Raises:
        ValueError: a path is unsafe, or two paths collide.
        BrokenMember: see there.
        OSError: the disk is full.
    """
    with ExitStack() as undo:
        undo.callback(target.unlink, missing_ok=True)
        with target.open("w+b") as file:
            await write_zip(artifacts, files, readme, file)
        built = await asyncio.to_thread(_measure, target)
        undo.pop_all()
    return built


async def write_zip(
    artifacts: ArtifactReader, files: Sequence[FileRef], readme: str, into: IO[bytes]
) -> None:
    """Write ``files``, README and manifest to ``into``; raises as `build_zip`."""
    members, texts = await _offload(files, _plan_members, files, readme)
    with zipfile.ZipFile(into, "w") as zip_file:
        for member in members:
            text = texts.get(member.path)
            content = artifacts.stream(member.sha256) if text is None else _one_chunk(text)
            await _add_member(zip_file, member, content)
        await _offload(files, zip_file.close)


async def store_zip(
    artifacts: Artifacts, files: Sequence[FileRef], readme: str, folder: Path, filename: str
) -> FileRef:
    """Build a ZIP and store it as ``filename``; raises as `build_zip` and the store."""
    if sum(file.size_bytes for file in files) <= IN_MEMORY_BYTES:
        buffer = BytesIO()
        await write_zip(artifacts, files, readme, buffer)
        content = buffer.getvalue()
        return _zip_ref(filename, await artifacts.put(content), len(content))
    with TemporaryDirectory(dir=folder) as temporary:
        built = await build_zip(artifacts, files, readme, Path(temporary) / "archive.zip")
        await artifacts.put_file(built.path, built.sha256)
    return _zip_ref(filename, built.sha256, built.size_bytes)


async def _offload(
    files: Sequence[FileRef], work: Callable[P, Result], *args: P.args, **kwargs: P.kwargs
) -> Result:
    """Run ``work``, in a thread unless that costs more than the work."""
    if len(files) <= FEW_FILES:
        return work(*args, **kwargs)
    return await asyncio.to_thread(work, *args, **kwargs)


def _plan_members(files: Sequence[FileRef], readme: str) -> tuple[list[FileRef], dict[str, bytes]]:
    """Return all members sorted by path, and the content of the generated ones."""
    readme_text = readme.encode(errors="replace")
    entries = [*files, _text_member(README, readme_text, "text/markdown")]
    entries.sort(key=lambda member: member.path)
    manifest_text = _build_manifest(entries)
    members = [*entries, _text_member(MANIFEST, manifest_text, "application/json")]
    members.sort(key=lambda member: member.path)  # for equal bytes
    _check_paths([member.path for member in members])
    return members, {README: readme_text, MANIFEST: manifest_text}


def _text_member(path: str, content: bytes, media_type: str) -> FileRef:
    return FileRef(
        path=path,
        sha256=hashlib.sha256(content).hexdigest(),
        size_bytes=len(content),
        media_type=media_type,
    )


def _build_manifest(files: Sequence[FileRef]) -> bytes:
    lines = [
        {
            "path": file.path,
            "bytes": file.size_bytes,
            "sha256": file.sha256,
            "media_type": file.media_type,
            "source_url": file.source_url,
        }
        for file in files
    ]
    manifest = msgspec.json.encode({"schema": MANIFEST_SCHEMA, "files": lines})
    return msgspec.json.format(manifest, indent=2) + b"\n"


def _check_paths(paths: Sequence[str]) -> None:
    """Raise ValueError for a path that is unsafe, or that collides on some file system."""
    files: set[str] = set()
    folders: set[str] = set()
    for path in paths:
        if not all(is_safe(name) for name in path.split("/")):
            raise ValueError(f"not a safe path in a ZIP: {path!r}")
        key = collision_key(path)
        if key in files:
            raise ValueError(f"two files in a ZIP have the path {path!r}")
        files.add(key)
        folders.update(_parents(key))
    if both := files & folders:
        raise ValueError(f"a file and a folder in a ZIP have the path {min(both)!r}")


def _parents(path: str) -> Iterator[str]:
    while path := path.rpartition("/")[0]:
        yield path


async def _add_member(
    zip_file: zipfile.ZipFile, member: FileRef, content: AsyncIterator[bytes]
) -> None:
    digest = hashlib.sha256()
    written_bytes = 0
    try:
        with zip_file.open(_zip_info(member), "w") as entry:
            async for chunk in content:
                written_bytes += len(chunk)
                if written_bytes > member.size_bytes:  # zipfile raises on more than declared
                    break
                digest.update(chunk)
                if len(chunk) <= _INLINE_WRITE_BYTES:
                    entry.write(chunk)
                else:
                    await asyncio.to_thread(entry.write, chunk)
    except ArtifactMissing as error:
        raise BrokenMember(f"{member.path}: {error}") from error
    if written_bytes != member.size_bytes or digest.hexdigest() != member.sha256:
        raise BrokenMember(f"{member.path}: artifact {member.sha256} is not what was stored")


def _zip_info(member: FileRef) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(member.path, date_time=(1980, 1, 1, 0, 0, 0))  # for equal bytes
    entry.create_system = 3  # Unix, on every system
    entry.external_attr = (stat.S_IFREG | 0o644) << 16
    compress = _COMPRESSIBLE.match(member.media_type)
    # PDFs, images and videos are compressed already.
    entry.compress_type = zipfile.ZIP_DEFLATED if compress else zipfile.ZIP_STORED
    entry.file_size = member.size_bytes  # tells zipfile whether the entry needs ZIP64
    return entry


async def _one_chunk(content: bytes) -> AsyncIterator[bytes]:
    yield content


def _measure(path: Path) -> Zip:
    with path.open("rb") as file:
        return Zip(path, hashlib.file_digest(file, "sha256").hexdigest(), file.tell())


def _zip_ref(filename: str, sha256: str, size_bytes: int) -> FileRef:
    return FileRef(
        path=filename, sha256=sha256, size_bytes=size_bytes, media_type="application/zip"
    )
