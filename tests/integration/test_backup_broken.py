"""Backups that are broken or none of ours: named, and refused."""

import asyncio
import fcntl
import json
import os
import shutil

import pytest
from machine import Machine, batch
from nats_server import NatsServer
from stores import opened

from eventjob.artifacts.open_artifacts import open_artifacts
from eventjob.contracts.base import FileRef
from eventjob.contracts.work import ArchiveBuilt, FetchSession, SessionFetched
from eventjob.projection.store import Changes
from eventjob.runtime.lifecycle import CannotStart, Stop
from eventjob.runtime.settings import read_settings
from services.backup import backup_command, restore_command


@pytest.fixture(scope="module")
def bus():
    server = NatsServer()
    server.start()
    yield server.url
    server.stop()


@pytest.fixture(scope="module")
def data(bus, tmp_path_factory):
    """The data folder of a deployment with a batch of 8 jobs, and its backup in ``backup``."""
    folder = tmp_path_factory.mktemp("data")
    artifacts = open_artifacts((folder / "artifacts").as_uri())

    async def stored(path, content):
        sha256 = await artifacts.put(content)
        return FileRef(path=path, sha256=sha256, size_bytes=len(content), media_type="text/x")

    async def work(task):
        where = {"group": task.group, "n": task.n, "attempt": task.attempt}
        if isinstance(task, FetchSession):
            bundle = (await stored("bundle", b"bundle of %d" % task.n)).sha256
            files = [await stored("a.md", b"page of %d" % task.n)]
            return SessionFetched(**where, bundle=bundle, files=files)
        return ArchiveBuilt(**where, archive=await stored("a.zip", b"ZIP of %d" % task.n))

    async def making():
        async with Machine(bus) as machine:
            await machine.schedule()
            await machine.work(work)
            await machine.send(batch("batch-b", 8), "b-b")
            await machine.until("BatchCompleted")
        await backup(bus, folder, folder / "backup")

    asyncio.run(making())
    return folder


async def backup(bus, data, folder):
    await backup_command.run(settings(bus, data), folder, Stop())


def settings(bus, folder):
    return read_settings({"EVENTJOB_NATS_URL": bus, "EVENTJOB_DATA_DIR": str(folder)})


def copied(data, tmp_path, name="copy"):
    """A copy of the backup, to be broken."""
    shutil.copytree(data / "backup", tmp_path / name)
    return tmp_path / name


def refusal(folder):
    with pytest.raises(CannotStart) as refused:
        restore_command.check_backup(folder, Stop())
    return str(refused.value)


def changed(file):
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    return "is not what was written"


def missing(file):
    file.unlink()
    return "is missing"


def short(file):
    os.truncate(file, file.stat().st_size - 1)
    return "bytes instead of"


@pytest.mark.parametrize("harm", [changed, missing, short])
def test_each_file_that_is_broken_is_named(data, tmp_path, harm):
    for name in ("blobs/*/*/*", "log-*/EVENTS.snapshot", "log-*/artifacts"):
        folder = copied(data, tmp_path, name.rpartition("/")[2].replace("*", "blob"))
        file = next(path for path in folder.glob(name) if path.stat().st_size)
        said = harm(file)
        found = refusal(folder)
        assert f"{file.relative_to(folder)} " in found
        assert said in found


def changed_manifest(**changes):
    def change(manifest):
        manifest.write_text(json.dumps(json.loads(manifest.read_text()) | changes))

    return change


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (missing, "there is no backup in "),
        (lambda manifest: manifest.write_text("{"), "is not the manifest of"),
        (
            changed_manifest(format=2),
            "was written by a newer eventjob (backup format 2; this one knows 1)",
        ),
        (changed_manifest(schema_version=9), "has events of a newer eventjob"),
    ],
    ids=["none", "no JSON", "newer format", "newer events"],
)
def test_what_is_no_backup_of_ours_is_refused(data, tmp_path, harm, said):
    folder = copied(data, tmp_path)
    harm(folder / "manifest.json")
    found = refusal(folder)
    assert said in found
    assert "\n" not in found


async def test_a_projection_of_another_log_is_refused(bus, data, tmp_path):
    async with opened("sqlite", tmp_path) as store:
        await store.apply(Changes(checkpoint=5))
    manifest = restore_command.check_backup(data / "backup", Stop())
    with pytest.raises(CannotStart, match="the projection already reflects another log"):
        await restore_command.run(
            settings(bus, tmp_path), data / "backup", manifest, Stop(), where="here"
        )


async def test_two_backups_at_once_are_refused(bus, data, tmp_path):
    with (tmp_path / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(CannotStart, match=f"^backup folder {tmp_path} is used by another"):
            await backup(bus, data, tmp_path)


async def test_an_artifact_that_the_store_has_lost_is_named(bus, data, tmp_path, capsys):
    shutil.copytree(data / "artifacts", tmp_path / "artifacts")
    lost = next((tmp_path / "artifacts").glob("blobs/*/*/*"))
    lost.unlink()
    with pytest.raises(CannotStart, match="the backup is valid, but 1 artifacts were lost before"):
        await backup(bus, tmp_path, tmp_path / "new")
    assert f"lost: artifact {lost.name}, named by event " in capsys.readouterr().err
    restore_command.check_backup(tmp_path / "new", Stop())
    assert f"lost before the backup: artifact {lost.name}" in capsys.readouterr().out
