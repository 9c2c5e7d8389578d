"""`eventjob backup` while all is at work, and what `eventjob restore` makes of it elsewhere."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from threading import Event, Thread

import pytest
from deployment import Up, eventually, processes, without_pauses
from pages import Site
from verify import all_jobs, check_counters

ANN = {"X_User_ID": "ann"}
EACH = 12  # jobs in a batch


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
    folder = other.environ["EVENTJOB_DATA_DIR"]
    assert f"{folder} is not empty (EVENTS up to " in refused(other, "restore", backup)
    other.start()
    eventually("documents", 20, lambda: other.get("/batches/calm", **ANN).status == 200)
    assert (check_counters(other, "calm", **ANN), all_jobs(other, "calm", **ANN)) == before
    assert zips(other, "calm", 20) == archives
    assert archives[3][0] == 404


class Load:
    """Batches come, jobs are deleted and restarted, whole batches go: until it is over."""

    def __init__(self, up, site):
        self.posted, self.deleted, self.restarted, self.gone = [], [], [], []
        self._up, self._site = up, site
        self._over = Event()
        self._thread = Thread(target=self._run)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self._thread.join()

    def _run(self):
        while not self._over.wait(0.1):
            name = f"load{len(self.posted)}"
            post(self._up, self._site, name, EACH)
            self.posted.append(name)
            if len(self.posted) > 3:
                self._disturb(self.posted[-3], self.posted[-4])

    def _disturb(self, younger, older):
        if self._up.delete(f"/jobs/job-{younger}.2", **ANN).status == 200:
            self.deleted.append(f"job-{younger}.2")
        if self._up.post(f"/job-{younger}.5/restart", **ANN).status == 200:
            self.restarted.append(f"job-{younger}.5")
        if len(self.posted) % 4 == 0 and self._up.delete(f"/batches/{older}", **ANN).status == 200:
            self.gone.append(older)


def as_it_was(up, path, sequence):
    answer = up.get(f"{path}?as_of={sequence}", **ANN)
    assert answer.status in {200, 404}, (path, answer)
    return answer.json if answer.status == 200 else None


def test_under_load_a_backup_is_the_log_up_to_its_last_event(up, other, site, tmp_path):
    backup = tmp_path / "backup"
    with Load(up, site) as load:
        eventually("some deletions", 60, lambda: len(load.gone) >= 2)
        did(up, "backup", backup)  # all of it; the next one has only to follow
        before = len(load.posted)
        said = did(up, "backup", backup)
        eventually("the load to go on", 60, lambda: len(load.posted) >= before + 4)
    last = json.loads((backup / "manifest.json").read_text())["last_sequence"]
    did(other, "restore", backup)
    other.start()
    compared = {"documents": 0, "running": 0, "zips": 0, "gone since": 0}
    for name in load.posted:
        since = compared["gone since"]
        for path in (*(f"/jobs/job-{name}.{n}" for n in range(1, EACH + 1)), f"/batches/{name}"):
            then, now = as_it_was(up, path, last), as_it_was(other, path, last)
            if then is None and now is not None:
                assert up.get(path, **ANN).status == 404  # what is deleted has no past
                compared["gone since"] += 1
            elif "batches" not in path or compared["gone since"] == since:
                assert now == then  # of a batch that has lost a job since, the log tells less
                compared["documents"] += now is not None
                status = now["job"]["status"] if now is not None and "job" in now else ""
                compared["running"] += status in {"pending", "processing"}
    assert compared["documents"] > 100
    assert compared["running"] > 0
    for batch in other.get("/batches?limit=1000", **ANN).json["batches"]:
        name = batch["batch_id"]
        eventually(f"{name}, restored", 120, lambda name=name: is_done(other, name))
        eventually(f"{name}, the first", 120, lambda name=name: gone_or_done(up, name))
        check_counters(other, name, **ANN)
        for job in all_jobs(other, name, **ANN):
            there = zip_of(up, job["job_id"])
            if there[0] == 200:
                assert zip_of(other, job["job_id"]) == there
                compared["zips"] += 1
    assert compared["zips"] > 50
    assert did(other, "rebuild", "--check").endswith(": no difference\n")
    print(said.strip(), compared, len(load.deleted), len(load.restarted), len(load.gone))


def gone_or_done(up, name):
    answer = up.get(f"/batches/{name}", **ANN)
    return answer.status == 404 or answer.json["batch"]["status"] == "completed"
