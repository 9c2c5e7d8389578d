"""Backups that are broken, and restores that do not end: named, refused, and never half of it."""

import fcntl
import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
from deployment import Up, eventually, without_pauses
from pages import Site

ANN = {"X_User_ID": "ann"}


def ran(up, *arguments):
    """Exit code and what was said on stdout and on stderr, without log lines."""
    with started(up, *arguments) as process:
        out, err = process.communicate(timeout=120)
    return process.returncode, out, re.sub(r"^\{.*\n", "", err, flags=re.MULTILINE)


def started(up, *arguments):
    return subprocess.Popen(
        [str(Path(sys.executable).with_name("eventjob")), *map(str, arguments)],
        env=up.environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A stopped deployment with a batch, and its backup."""
    folder = tmp_path_factory.mktemp("made")
    with Site() as site, Up(folder, **without_pauses(site.port)) as up:
        jobs = [
            {
                "parameters": {
                    "event": "E",
                    "session": f"{n}",
                    "url": f"{site.url}/{n}",
                    "filename": f"{n}.md",
                    "track": "T",
                }
            }
            for n in range(8)
        ]
        assert up.post("/batches", {"batch_id": "b", "jobs": jobs}, **ANN).status == 201
        eventually("the batch", 60, lambda: state(up) == "completed")
    assert ran(up, "backup", folder / "backup")[0] == 0
    return up


@pytest.fixture
def backup(made, tmp_path):
    """A copy of the backup, to be broken."""
    shutil.copytree(made.folder / "backup", tmp_path / "copy")
    return tmp_path / "copy"


@pytest.fixture
def other(tmp_path):
    (tmp_path / "two").mkdir()
    other = Up(tmp_path / "two")
    yield other
    if other.process is not None:
        other.stop()


def state(up):
    return up.get("/batches/b", **ANN).json["batch"]["status"]


def a_blob(backup):
    return max(path for path in backup.glob("blobs/*/*/*") if path.stat().st_size)


def a_log_file(backup, name):
    (found,) = backup.glob(f"log-*/{name}")
    return found


def changed(file):
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    return "is not what was written"


def missing(file):
    file.unlink()
    return "is missing"


def short(file):
    os.truncate(file, file.stat().st_size - 1)
    return "bytes instead of"


def newer(backup):
    manifest = json.loads((backup / "manifest.json").read_text())
    (backup / "manifest.json").write_text(json.dumps(manifest | {"format": 2}))


def newer_events(backup):
    manifest = json.loads((backup / "manifest.json").read_text())
    (backup / "manifest.json").write_text(json.dumps(manifest | {"schema_version": 9}))


@pytest.mark.parametrize("harm", [changed, missing, short])
@pytest.mark.parametrize("name", ["blob", "EVENTS.snapshot", "artifacts"])
def test_a_broken_backup_is_named_and_restores_nothing(backup, other, harm, name):
    file = a_blob(backup) if name == "blob" else a_log_file(backup, name)
    said = harm(file)
    for arguments in (["--verify"], []):
        code, out, err = ran(other, "restore", backup, *arguments)
        assert (code, out) == (1, "")
        assert f"{file.relative_to(backup)} " in err
        assert said in err
    assert not (other.folder / "data").exists()


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (lambda backup: (backup / "manifest.json").unlink(), "there is no backup in "),
        (lambda backup: (backup / "manifest.json").write_text("{"), "is not the manifest of"),
        (newer, "was written by a newer eventjob (backup format 2; this one knows 1)"),
        (newer_events, "has events of a newer eventjob"),
    ],
    ids=["none", "no JSON", "newer format", "newer events"],
)
def test_what_is_no_backup_of_ours_is_refused(backup, other, harm, said):
    harm(backup)
    code, out, err = ran(other, "restore", backup)
    assert (code, out) == (1, "")
    assert said in err
    assert err.count("\n") == 1


def test_a_projection_of_another_log_is_refused(backup, made, other):
    data = other.folder / "data"
    data.mkdir()
    source = sqlite3.connect(made.folder / "data/projection.db")
    target = sqlite3.connect(data / "projection.db")
    source.backup(target)
    source.close()
    target.close()
    code, _, err = ran(other, "restore", backup)
    assert code == 1
    assert "the projection reflects another log already" in err


def test_a_restore_that_was_killed_is_not_taken_for_a_whole_one(backup, other):
    """The blow falls at many moments; what is there after it is nothing, marked, or whole."""
    code, _, _ = ran(other, "restore", backup, "--verify")
    assert code == 0
    for tenths in range(4, 30, 3):
        with started(other, "restore", backup) as process:
            time.sleep(tenths / 10)  # the blow, not a wait
            os.kill(process.pid, signal.SIGKILL)
        code, out, err = ran(other, "restore", backup)
        if code:
            assert "is not empty (EVENTS up to " in err, (out, err)  # it had just ended
            break
        other.start()
        eventually("the batch", 30, lambda: other.get("/batches/b", **ANN).status == 200)
        assert state(other) == "completed"
        other.stop()
        shutil.rmtree(other.folder / "data")


def test_two_backups_at_once_are_refused(made, tmp_path):
    folder = tmp_path / "backup"
    folder.mkdir()
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        code, _, err = ran(made, "backup", folder)
    assert (code, err) == (
        1,
        f"eventjob backup: backup folder {folder} is used by another eventjob\n",
    )


def test_a_backup_that_was_killed_leaves_the_one_before_as_it_was(made, tmp_path):
    folder = tmp_path / "backup"
    assert ran(made, "backup", folder)[0] == 0
    for hundredths in (60, 90, 110, 130):
        with started(made, "backup", folder) as process:
            time.sleep(hundredths / 100)  # the blow, not a wait
            process.kill()
        assert ran(made, "restore", folder, "--verify")[0] == 0
    assert ran(made, "backup", folder)[0] == 0
    assert len(list(folder.glob("log-*"))) == 1


def test_an_artifact_that_the_store_has_lost_is_named(made, tmp_path):
    shutil.copytree(made.folder / "data", tmp_path / "data")
    up = Up(tmp_path)
    lost = a_blob(tmp_path / "data/artifacts")
    lost.unlink()
    code, _, err = ran(up, "backup", tmp_path / "backup")
    assert code == 1
    assert f"lost: artifact {lost.name}, named by event " in err
    assert "the backup is valid, but 1 artifacts were lost before" in err
    code, out, _ = ran(up, "restore", tmp_path / "backup", "--verify")
    assert (code, f"lost before it was made: artifact {lost.name}" in out) == (0, True)
