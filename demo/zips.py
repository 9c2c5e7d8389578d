"""Check a ZIP against its manifest."""

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
    """Check that ZIP and manifest list the same files, byte for byte; return their number.

    Raises:
        DemoFailed: names the ZIP and the first difference.
    """
    try:
        with ZipFile(path) as zip_file:
            return _check_members(zip_file)
    except (BadZipFile, KeyError, ValueError, msgspec.MsgspecError) as error:
        raise DemoFailed(f"{path} is not a valid ZIP of sessions: {error}") from error


def _check_members(zip_file: ZipFile) -> int:
    names = zip_file.namelist()
    files = msgspec.json.decode(zip_file.read(MANIFEST), type=_Manifest).files
    if sorted(names) != sorted([MANIFEST, *(file.path for file in files)]):
        raise ValueError(f"the manifest lists {len(files)} files, not the {len(names)} there")
    for file in files:
        content = zip_file.read(file.path)
        if (len(content), hashlib.sha256(content).hexdigest()) != (file.size, file.sha256):
            raise ValueError(f"{file.path} differs from the manifest in size or SHA-256")
    return len(names)
