"""A ZIP is believed only when it is what its manifest says."""

import hashlib
import json
import re
from zipfile import ZipFile

import pytest
from tables import row, table

from demo import DemoFailed
from demo.zips import check_zip

FILES = {
    "Conf/Track/talk.md": b"# Talk\n",
    "Conf/Track/talk/slides.pdf": b"%PDF-",
    "README.md": b"r",
}


def listed(path, content):
    return {"path": path, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def write(path, files, manifest=None):
    lines = [listed(name, content) for name, content in files.items()]
    with ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
        archive.writestr("manifest.json", json.dumps(manifest or {"schema": "x", "files": lines}))
    return path


def test_a_right_zip_is_counted(tmp_path):
    assert check_zip(write(tmp_path / "right.zip", FILES)) == 4


@table(
    "in_zip, in_manifest, reason",
    row("another content", {**FILES, "README.md": b"R"}, FILES, "README.md has another"),
    row("another size", {**FILES, "README.md": b"rr"}, FILES, "README.md has another"),
    row("one too many", {**FILES, "more.txt": b""}, FILES, "other files than the 5"),
    row("one too few", {"README.md": b"r"}, FILES, "other files than the 2"),
)
def test_a_wrong_zip_is_refused_by_name(tmp_path, in_zip, in_manifest, reason):
    manifest = {"files": [listed(name, content) for name, content in in_manifest.items()]}
    path = write(tmp_path / "wrong.zip", in_zip, manifest)
    with pytest.raises(DemoFailed, match=f"wrong.zip is not as it should be: .*{reason}"):
        check_zip(path)


def test_a_damaged_zip_is_refused(tmp_path):
    path = write(tmp_path / "damaged.zip", FILES)
    path.write_bytes(path.read_bytes().replace(b"# Talk", b"# Tall"))
    with pytest.raises(DemoFailed, match="Bad CRC-32"):
        check_zip(path)


@table(
    "content, reason",
    row("something else", b"<html>", "not a zip file"),
    row("nothing", b"", "not a zip file"),
)
def test_what_is_no_zip_is_refused(tmp_path, content, reason):
    path = tmp_path / "no.zip"
    path.write_bytes(content)
    with pytest.raises(DemoFailed, match=reason):
        check_zip(path)


def test_a_zip_without_a_manifest_is_refused(tmp_path):
    path = tmp_path / "bare.zip"
    with ZipFile(path, "w") as archive:
        archive.writestr("a", "b")
    with pytest.raises(DemoFailed, match=re.escape("manifest.json")):
        check_zip(path)
