"""Whether all that a manifest says is there, and is what was written."""

from collections.abc import Callable, Iterator
from pathlib import Path

from eventjob.artifacts.store import blob_path
from eventjob.runtime.lifecycle import CannotStart, Stop
from services.backup.blobs import LIST, read_list, sha256_of
from services.backup.manifest import Manifest

MOST_LINES = 20


def verify(folder: Path, manifest: Manifest, stop: Stop, tell: Callable[[str], None]) -> None:
    """Read every byte of the backup.

    Raises:
        CannotStart: something is missing or was changed; each file is named, 20 at most.
    """
    wrong: list[str] = []
    for file in manifest.files:
        wrong += _faults(folder, file.path, file.size_bytes, file.sha256)
    if not wrong:  # else the list of artifacts may be what is wrong
        listed = read_list(folder / manifest.file(LIST).path)
        for done, (sha256, size_bytes) in enumerate(listed, 1):
            if stop.is_set():
                raise CannotStart("interrupted")
            wrong += _faults(folder, blob_path(sha256), size_bytes, sha256)
            tell(f"{done:,} of {manifest.artifacts:,} artifacts are as they were")
    if wrong:
        more = f"; and {len(wrong) - MOST_LINES:,} more" if len(wrong) > MOST_LINES else ""
        raise CannotStart(
            f"the backup in {folder} is broken: {'; '.join(wrong[:MOST_LINES])}{more}"
        )


def _faults(folder: Path, path: str, size_bytes: int, sha256: str) -> Iterator[str]:
    file = folder / path
    try:
        found = file.stat().st_size
        if not file.is_file():  # to read another kind may never end
            yield f"{path} is no file"
        elif found != size_bytes:
            yield f"{path} has {found:,} bytes instead of {size_bytes:,}"
        elif sha256_of(file) != sha256:
            yield f"{path} is not what was written: its sha256 differs"
    except FileNotFoundError:
        yield f"{path} is missing"
    except OSError as error:
        yield f"{path} cannot be read: {error.strerror}"
