"""Whether a ZIP is what its manifest says."""

import hashlib
from pathlib import Path
from zipfile import BadZipFile, ZipFile

import msgspec

from demo import DemoFailed

MANIFEST = "manifest.json"


class _File(msgspec.Struct):
    path: str
    size: int = msgspec.field(name="bytes")
    sha256: str


class _Manifest(msgspec.Struct):
    files: list[_File]


def check_zip(path: Path) -> int:
    """How many files are in the ZIP, each of them named in the manifest and as described there.

    Raises:
        DemoFailed: names the ZIP, and the first thing that is wrong with it.
    """
    try:
        with ZipFile(path) as archive:
            return _check(archive)
    except (BadZipFile, KeyError, ValueError, msgspec.MsgspecError) as error:
        raise DemoFailed(f"{path} is not as it should be: {error}") from error


def _check(archive: ZipFile) -> int:
    names = archive.namelist()
    files = msgspec.json.decode(archive.read(MANIFEST), type=_Manifest).files
    if sorted(names) != sorted([MANIFEST, *(file.path for file in files)]):
        raise ValueError(f"the manifest lists {len(files)} other files than the {len(names)} there")
    for file in files:
        content = archive.read(file.path)
        if (len(content), hashlib.sha256(content).hexdigest()) != (file.size, file.sha256):
            raise ValueError(f"{file.path} has another size or SHA-256 than the manifest says")
    return len(names)
