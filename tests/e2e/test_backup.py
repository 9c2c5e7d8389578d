"""`eventjob backup` while all is at work, and what `eventjob restore` makes of it elsewhere."""

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest
from deployment import Up, eventually, processes, without_pauses
from pages import Site
from verify import all_jobs, check_counters

ANN = {"X_User_ID": "ann"}


@pytest.fixture(scope="module")
def site():
    with Site() as site:
        yield site


@pytest.fixture
def up(tmp_path, site):
    (tmp_path / "one").mkdir()
    with Up(tmp_path / "one", **without_pauses(site.port)) as up:
        yield up


@pytest.fixture
def other(tmp_path, site):
    """Another one, of which nothing is started yet."""
    (tmp_path / "two").mkdir()
    other = Up(tmp_path / "two", **without_pauses(site.port))
    yield other
    if other.process is not None:
        other.stop()


def started(up, *arguments):
    return subprocess.Popen(
        [command(), *map(str, arguments)],
        env=up.environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def command():
    return str(Path(sys.executable).with_name("eventjob"))


def ran(up, *arguments):
    """Exit code and what was said on stdout and on stderr."""
    with started(up, *arguments) as process:
        out, err = process.communicate(timeout=120)
    return process.returncode, out, err


def did(up, *arguments):
    code, out, err = ran(up, *arguments)
    assert code == 0, (out, err)
    return out


def refused(up, *arguments):
    code, _, err = ran(up, *arguments)
    assert code == 1
    assert "Traceback" not in err
    return err


def post(up, site, name, count):
    jobs = [
        {
            "parameters": {
                "event": "E",
                "session": f"{name} {n}",
                "url": f"{site.url}/{name}-{n}",
                "filename": f"{name}-{n}.md",
                "track": "T",
            }
        }
        for n in range(count)
    ]
    answer = up.post("/batches", {"batch_id": name, "jobs": jobs}, **ANN)
    assert answer.status in {201, 202}, answer


def is_done(up, name):
    return up.get(f"/batches/{name}", **ANN).json["batch"]["status"] == "completed"


def zip_of(up, job_id):
    answer = up.get(f"/jobs/{job_id}/download-archive", **ANN)
    return answer.status, hashlib.sha256(answer.data).hexdigest()


def zips(up, name, count):
    return {n: zip_of(up, f"job-{name}.{n}") for n in range(1, count + 1)}


def servers_on(up):
    folder = up.environ["EVENTJOB_DATA_DIR"]
    return [pid for pid, _, command in processes() if any(folder in part for part in command)]


def test_what_is_stopped_is_the_same_elsewhere(up, other, site, tmp_path):
    post(up, site, "calm", 20)
    eventually("the batch", 60, lambda: is_done(up, "calm"))
    assert up.delete("/jobs/job-calm.3", **ANN).status == 200
    before = check_counters(up, "calm", **ANN), all_jobs(up, "calm", **ANN)
    archives = zips(up, "calm", 20)
    up.stop()
    backup = tmp_path / "backup"
    assert "backed up the log up to event " in did(up, "backup", backup)
    again = did(up, "backup", backup)
    assert "(0 of them new)" in again
    assert servers_on(up) == []
    assert "is whole" in did(other, "restore", backup, "--verify")
    assert not (tmp_path / "two/data").exists()
    assert "restored the log up to event " in did(other, "restore", backup)
    assert servers_on(other) == []
    assert "is not empty (EVENTS up to " in refused(other, "restore", backup)
    other.start()
    eventually("documents", 20, lambda: other.get("/batches/calm", **ANN).status == 200)
    assert (check_counters(other, "calm", **ANN), all_jobs(other, "calm", **ANN)) == before
    assert zips(other, "calm", 20) == archives
    assert archives[3][0] == 404
