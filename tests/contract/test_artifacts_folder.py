"""What only a local folder can promise, and how a store is opened."""

import asyncio
import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tables import row, table

from eventjob.artifacts import disk
from eventjob.artifacts.open_artifacts import open_artifacts
from eventjob.artifacts.store import ArtifactMissing, ArtifactsUnavailable

DATA = b"0123456789"
SHA256 = hashlib.sha256(DATA).hexdigest()


def files(folder):
    return [path for path in folder.rglob("*") if path.is_file()]


async def test_the_folder_is_made_and_used(tmp_path):
    folder = tmp_path / "new folder" / "artifacts"
    await open_artifacts(folder.as_uri()).put(DATA)
    assert files(folder) == [folder / "blobs" / SHA256[:2] / SHA256[2:4] / SHA256]
    assert await open_artifacts(folder.as_uri()).get(SHA256) == DATA


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux knows the names of open files")
async def test_a_blob_is_named_only_once_it_is_on_disk(tmp_path, monkeypatch):
    steps = []
    fsync, replace = os.fsync, Path.replace

    def record_fsync(descriptor):
        steps.append(("sync", Path(f"/proc/self/fd/{descriptor}").readlink().name))
        fsync(descriptor)

    def record_replace(path, target):
        replaced = replace(path, target)
        steps.append(("name", target.name))
        return replaced

    artifacts = open_artifacts(tmp_path.as_uri())
    monkeypatch.setattr(os, "fsync", record_fsync)
    monkeypatch.setattr(Path, "replace", record_replace)
    await artifacts.put(DATA)
    (first, staged), *rest = steps
    assert (first, len(staged)) == ("sync", 36)
    folders = [SHA256[2:4], SHA256[:2], "blobs", tmp_path.name]
    assert rest[0] == ("name", SHA256)
    assert sorted(rest[1:]) == sorted(("sync", folder) for folder in folders)


KILLED = """
import asyncio, sys, time
from eventjob.artifacts import disk
from eventjob.artifacts.open_artifacts import open_artifacts
def move_into_place(*_):
    print("staged", flush=True)
    time.sleep(60)
disk.move_into_place = move_into_place
asyncio.run(open_artifacts(sys.argv[1]).put(b"0123456789"))
"""


async def test_a_killed_writer_leaves_nothing_under_the_name(tmp_path):
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", KILLED, tmp_path.as_uri(), stdout=subprocess.PIPE
    )
    async with asyncio.timeout(30):
        assert await process.stdout.readline() == b"staged\n"
        process.kill()
        await process.wait()
    [left] = files(tmp_path)
    assert left.parent.name == disk.STAGING
    artifacts = open_artifacts(tmp_path.as_uri())
    with pytest.raises(ArtifactMissing):
        await artifacts.get(SHA256)
    await artifacts.put(DATA)
    assert await artifacts.get(SHA256) == DATA


async def test_what_a_killed_writer_left_is_removed_a_day_later(tmp_path):
    open_artifacts(tmp_path.as_uri())
    old, young = tmp_path / disk.STAGING / "old", tmp_path / disk.STAGING / "young"
    old.write_bytes(DATA)
    young.write_bytes(DATA)
    os.utime(old, (0, 0))
    open_artifacts(tmp_path.as_uri())
    assert files(tmp_path) == [young]


FULL = """
import asyncio, resource, sys
from eventjob.artifacts.open_artifacts import open_artifacts
from eventjob.artifacts.store import ArtifactsUnavailable
artifacts = open_artifacts(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))
try:
    asyncio.run(artifacts.put(bytes(8_000_000)))
except ArtifactsUnavailable as error:
    print(error)
"""


def test_a_disk_that_takes_no_more_makes_the_store_unavailable(tmp_path):
    process = subprocess.run(
        [sys.executable, "-c", FULL, tmp_path.as_uri()],
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    assert "File too large" in process.stdout
    assert "Debug" not in process.stdout
    assert files(tmp_path) == []


async def test_a_folder_that_is_gone_makes_the_store_unavailable(tmp_path):
    folder = tmp_path / "store"
    artifacts = open_artifacts(folder.as_uri())
    (folder / disk.STAGING).rmdir()
    (folder / disk.STAGING).write_bytes(b"a file in place of the folder")
    with pytest.raises(ArtifactsUnavailable, match="Not a directory"):
        await artifacts.put(DATA)


@table(
    "url",
    row("nothing", ""),
    row("no scheme", "artifacts"),
    row("a relative folder", "file://artifacts"),
    row("another scheme", "ftp://host/folder"),
    row("a store that forgets", "memory:///"),
    row("no bucket", "s3://"),
)
def test_a_wrong_url_is_named_with_its_setting(url):
    with pytest.raises(ValueError, match="EVENTJOB_ARTIFACTS_URL is '") as caught:
        open_artifacts(url)
    assert repr(url) in str(caught.value)


def test_a_folder_that_cannot_be_written_is_named_with_its_setting(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(ValueError, match=r"EVENTJOB_ARTIFACTS_URL is .*/file/x'.*directory"):
        open_artifacts((tmp_path / "file" / "x").as_uri())


async def test_s3_that_does_not_answer_makes_the_store_unavailable(monkeypatch, unused_tcp_port):
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{unused_tcp_port}")
    monkeypatch.setenv("AWS_ALLOW_HTTP", "true")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "nobody")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "nothing")
    artifacts = open_artifacts("s3://bucket/prefix")
    with pytest.raises(ArtifactsUnavailable, match=f"127.0.0.1:{unused_tcp_port}/bucket/prefix/"):
        await artifacts.put(DATA)
