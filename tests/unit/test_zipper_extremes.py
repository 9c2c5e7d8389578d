"""The ZIP of many, of big and of strangely named files."""

import asyncio
import hashlib
import json
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventjob.contracts.base import FileRef
from eventjob.domain import names
from services.archiver.zipper import build_zip

CORPUS = Path(__file__).parents[3] / "shared" / "corpus"
X = hashlib.sha256(b"x").hexdigest()


class Letters:
    """A store in which every artifact is the letter x."""

    async def stream(self, _sha256):
        yield b"x"


def letters(paths):
    return [FileRef(path=p, sha256=X, size_bytes=1, media_type="image/png") for p in paths]


def assert_extracts_inside(archive, folder):
    with zipfile.ZipFile(archive) as reader:
        members = reader.namelist()
        reader.extractall(folder / "out")
    for member in members:
        assert ".." not in member.split("/")
        assert not member.startswith("/")
        assert "\\" not in member
    found = {str(f.relative_to(folder / "out")) for f in folder.rglob("*") if f.is_file()}
    return members, found


@given(st.text(), st.text(), st.lists(st.text(st.characters(exclude_categories=())), max_size=5))
def test_any_session_extracts_inside_its_folder(event, track, titles):
    paths = names.session_paths(event, track, "".join(titles))
    assets = names.make_unique([names.make_file_name(title, "asset") for title in titles])
    files = letters([paths.markdown, *(f"{paths.asset_folder}/{asset}" for asset in assets)])
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as place:
        target = Path(place) / "z.zip"
        asyncio.run(build_zip(Letters(), files, "readme", target))
        members, found = assert_extracts_inside(target, Path(folder))
    assert found == set(members) == {*(f.path for f in files), "README.md", "manifest.json"}


async def test_a_whole_conference_extracts_inside_its_folder(tmp_path):
    schedule = CORPUS / "fosdem-2025-sessions.json"
    if not schedule.exists():
        pytest.skip("the corpus is not here: fosdem-2025-sessions.json")
    sessions = json.loads(schedule.read_text(encoding="utf-8"))
    paths = [names.session_paths(s["event"], s["track"], s["filename"]) for s in sessions]
    stems = names.make_unique([path.stem for path in paths])
    files = letters(f"{p.folder}/{stem}.md" for p, stem in zip(paths, stems, strict=True))
    await build_zip(Letters(), files, "readme", tmp_path / "z.zip")
    members, found = assert_extracts_inside(tmp_path / "z.zip", tmp_path / "unpacked")
    assert found == set(members)
    assert len(found) == len(sessions) + 2


@pytest.mark.long
async def test_more_than_65535_files(tmp_path):
    files = letters(f"{n // 256}/{n % 256}" for n in range(66_000))
    await build_zip(Letters(), files, "readme", tmp_path / "z.zip")
    with zipfile.ZipFile(tmp_path / "z.zip") as archive:
        assert len(archive.namelist()) == 66_002
        assert archive.read("257/207") == b"x"


BIG = """
import asyncio, hashlib, pathlib, re, sys
from eventjob.artifacts.open_artifacts import open_artifacts
from eventjob.contracts.base import FileRef
from services.archiver.zipper import build_zip

SIZE = 100_000_000

async def main(folder):
    with (folder / "sparse").open("wb") as file:
        file.truncate(SIZE)
    artifacts = open_artifacts((folder / "artifacts").as_uri())
    sha256 = await artifacts.put_file(folder / "sparse")
    big = FileRef(path="E/big", sha256=sha256, size_bytes=SIZE, media_type="image/png")
    built = await build_zip(artifacts, [big], "readme", folder / "z.zip")
    await artifacts.put_file(built.path, built.sha256)
    status = pathlib.Path("/proc/self/status").read_text()
    print(re.search(r"VmHWM:\\s+(\\d+) kB", status)[1])

asyncio.run(main(pathlib.Path(sys.argv[1])))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="peak memory is read from /proc")
def test_a_big_file_takes_little_memory(tmp_path):
    process = subprocess.run(
        [sys.executable, "-c", BIG, tmp_path],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert int(process.stdout) < 130_000
