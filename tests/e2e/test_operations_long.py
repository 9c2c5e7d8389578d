"""Backups under load, rebuilds beside readers, and commands that are killed: nothing is half."""

import hashlib
import json
import os
import shutil
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from threading import Event, Thread

import pytest
from deployment import Up, eventually, session, without_pauses
from verify import all_jobs, check_counters, is_right

pytestmark = pytest.mark.long
EACH = 12  # jobs in a batch of the load
SIZE = 300  # of a batch that is read


@pytest.fixture
def up(tmp_path, site):
    with Up(tmp_path / "one", "ann", **without_pauses(site.port)) as up:
        yield up


def submit(up, site, name, count):
    up.submit(name, [session(f"{site.url}/{name}-{n}", f"{name} {n}") for n in range(count)])


def shown(up, name):
    return check_counters(up, name), all_jobs(up, name)


class Load:
    """Batches come, jobs are deleted and restarted, whole batches go: until it is over."""

    def __init__(self, up, site):
        self.posted, self.gone = [], []
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
            submit(self._up, self._site, name, EACH)
            self.posted.append(name)
            if len(self.posted) > 3:
                self._disturb(self.posted[-3], self.posted[-4])

    def _disturb(self, younger, older):
        self._up.delete(f"/jobs/job-{younger}.2")
        self._up.post(f"/job-{younger}.5/restart")
        if len(self.posted) % 4 == 0 and self._up.delete(f"/batches/{older}").status == 200:
            self.gone.append(older)


def as_it_was(up, path, sequence):
    answer = up.get(f"{path}?as_of={sequence}")
    assert answer.status in {200, 404}, (path, answer)
    return answer.json if answer.status == 200 else None


def zip_of(up, job_id):
    answer = up.get(f"/jobs/{job_id}/download-archive")
    return answer.status, hashlib.sha256(answer.data).hexdigest()


def test_under_load_a_backup_is_the_log_up_to_its_last_event(up, other, site, tmp_path):
    backup = tmp_path / "backup"
    with Load(up, site) as load:
        eventually("some deletions", 60, lambda: len(load.gone) >= 2)
        up.did("backup", backup)  # all of it; the next one has only to follow
        before = len(load.posted)
        up.did("backup", backup)
        eventually("the load to go on", 60, lambda: len(load.posted) >= before + 4)
    last = json.loads((backup / "manifest.json").read_text())["last_sequence"]
    other.did("restore", backup)
    other.start()
    compared = {"documents": 0, "running": 0, "zips": 0, "gone since": 0}
    for name in load.posted:
        since = compared["gone since"]
        for path in (*(f"/jobs/job-{name}.{n}" for n in range(1, EACH + 1)), f"/batches/{name}"):
            then, now = as_it_was(up, path, last), as_it_was(other, path, last)
            if then is None and now is not None:
                assert up.get(path).status == 404  # what is deleted has no past
                compared["gone since"] += 1
            elif "batches" not in path or compared["gone since"] == since:
                assert now == then  # of a batch that has lost a job since, the log tells less
                compared["documents"] += now is not None
                status = now["job"]["status"] if now is not None and "job" in now else ""
                compared["running"] += status in {"pending", "processing"}
    assert compared["documents"] > 100
    assert compared["running"] > 0
    for batch in other.get("/batches?limit=1000").json["batches"]:
        name = batch["batch_id"]
        other.finish(name)
        if up.get(f"/batches/{name}").status != 404:
            up.finish(name)
        for job in shown(other, name)[1]:
            there = zip_of(up, job["job_id"])
            if there[0] == 200:
                assert zip_of(other, job["job_id"]) == there
                compared["zips"] += 1
    assert compared["zips"] > 50
    is_right(other)
    print(compared, len(load.gone))


def hammer(up, done):
    """Read, one by one and in lists, until it is over; how often."""
    count = 0
    while not done.is_set():
        job = up.get(f"/jobs/job-busy.{count % SIZE + 1}")
        batch = up.get("/batches/busy")
        page = up.get(f"/jobs?batch_id=busy&limit=20&skip={count % SIZE}")
        assert [answer.status for answer in (job, batch, page)] == [200] * 3
        assert batch.json["batch"]["total_jobs"] == page.json["total"] == SIZE
        assert up.get("/batches?limit=0").json["total"] == 1
        count += 1
    return count


def test_nobody_notices_a_rebuild_of_what_runs(up, site):
    submit(up, site, "busy", SIZE)
    done = Event()
    with ThreadPoolExecutor(4) as pool:
        readers = [pool.submit(hammer, up, done) for _ in range(4)]
        try:
            rounds = 0
            while up.batch("busy")["status"] != "completed" or rounds < 3:
                assert "switched, readers see them now" in up.did("rebuild")
                is_right(up)
                rounds += 1
        finally:
            done.set()
        print(f"{rounds} rebuilds beside {sum(r.result() for r in readers)} rounds of reads")
    before = shown(up, "busy")
    up.did("rebuild")
    assert shown(up, "busy") == before
    is_right(up)


def test_a_rebuild_that_is_killed_leaves_nothing_behind(up, site):
    submit(up, site, "survivor", 200)
    for delay_s in (0.4, 0.6, 0.8, 1.0):
        with up.begun("rebuild") as process:
            time.sleep(delay_s)  # the blow, not a wait
            os.kill(process.pid, signal.SIGKILL)
        assert up.get("/batches/survivor").status == 200
    up.finish("survivor")
    before = shown(up, "survivor")
    is_right(up)
    up.stop()
    with up.begun("rebuild") as process:
        eventually("its server", 20, up.servers)
        os.kill(process.pid, signal.SIGKILL)
    eventually("its server to be gone", 10, lambda: not up.servers())
    with up.begun("rebuild") as process:
        eventually("its server", 20, up.servers)
        process.terminate()
        assert process.wait(30) in {0, 1}
    assert up.servers() == []
    up.did("rebuild")
    up.start()
    assert shown(up, "survivor") == before
    is_right(up)


def test_a_backup_or_restore_that_is_killed_is_not_taken_for_a_whole_one(up, other, site, tmp_path):
    """The blow falls at many moments; what is there after it is nothing, marked, or whole."""
    submit(up, site, "b", 8)
    up.finish("b")
    up.stop()
    backup = tmp_path / "backup"
    up.did("backup", backup)
    for hundredths in (60, 90, 110, 130):
        with up.begun("backup", backup) as process:
            time.sleep(hundredths / 100)  # the blow, not a wait
            process.kill()
        up.did("restore", backup, "--verify")
    up.did("backup", backup)
    assert len(list(backup.glob("log-*"))) == 1
    for tenths in range(4, 30, 6):
        with other.begun("restore", backup) as process:
            time.sleep(tenths / 10)  # the blow, not a wait
            os.kill(process.pid, signal.SIGKILL)
        code, out, err = other.ran("restore", backup)
        if code:
            assert "is not empty (EVENTS up to " in err, (out, err)  # it had just ended
            break
        other.start()
        eventually("the batch", 30, lambda: other.get("/batches/b").status == 200)
        assert other.batch("b")["status"] == "completed"
        other.stop()
        shutil.rmtree(other.data)
