"""From files in the store to their ZIP in the store, by way of a temporary file."""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from eventjob.artifacts.store import Artifacts
from eventjob.contracts.base import FileRef
from services.archiver.zipper import build_zip


async def store_zip(
    artifacts: Artifacts, files: Sequence[FileRef], readme: str, folder: Path, name: str
) -> FileRef:
    """The stored ZIP, called ``name``; nothing of it is left in ``folder``. Raises as `build_zip`.

    Raises:
        ArtifactsUnavailable: the store fails.
    """
    with TemporaryDirectory(dir=folder) as temporary:
        built = await build_zip(artifacts, files, readme, Path(temporary) / "archive.zip")
        await artifacts.put_file(built.path, built.sha256)
    return FileRef(
        path=name,
        sha256=built.sha256,
        size_bytes=built.size_bytes,
        media_type="application/zip",
    )
