"""From files in the store to their ZIP in the store; a large one by way of a temporary file."""

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

from eventjob.artifacts.store import Artifacts
from eventjob.contracts.base import FileRef
from services.archiver.zipper import build_zip, write_zip

IN_MEMORY_BYTES = 1024 * 1024  # of all files together


async def store_zip(
    artifacts: Artifacts, files: Sequence[FileRef], readme: str, folder: Path, name: str
) -> FileRef:
    """The stored ZIP, called ``name``; nothing of it is left in ``folder``. Raises as `build_zip`.

    Raises:
        ArtifactsUnavailable: the store fails.
    """
    if sum(file.size_bytes for file in files) <= IN_MEMORY_BYTES:
        buffer = BytesIO()
        await write_zip(artifacts, files, readme, buffer)
        content = buffer.getvalue()
        return _file(name, await artifacts.put(content), len(content))
    with TemporaryDirectory(dir=folder) as temporary:
        built = await build_zip(artifacts, files, readme, Path(temporary) / "archive.zip")
        await artifacts.put_file(built.path, built.sha256)
    return _file(name, built.sha256, built.size_bytes)


def _file(name: str, sha256: str, size_bytes: int) -> FileRef:
    return FileRef(path=name, sha256=sha256, size_bytes=size_bytes, media_type="application/zip")
