"""`eventjob rebuild` on what runs and on what is stopped: nobody notices, and nothing is left."""

# ruff: noqa: S608 - the name of the table is the one that the file has

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

import pytest
from deployment import Up, eventually, processes, without_pauses
from pages import Site
from verify import all_jobs, check_counters

ANN = {"X_User_ID": "ann"}
SIZE = 300


@pytest.fixture(scope="module")
def site():
    with Site() as site:
        yield site


@pytest.fixture
def up(tmp_path, site):
    with Up(tmp_path, **without_pauses(site.port)) as up:
        yield up


def started(up, *arguments):
    return subprocess.Popen(
        [str(Path(sys.executable).with_name("eventjob")), "rebuild", *arguments],
        env=up.environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ran(up, *arguments):
    """Exit code and what was said on stdout and on stderr."""
    with started(up, *arguments) as process:
        out, err = process.communicate(timeout=120)
    return process.returncode, out, err


def rebuilt(up):
    code, out, err = ran(up)
    assert code == 0, (out, err)
    assert "switched, readers see them from now on" in out
    return out


def is_right(up):
    code, out, err = ran(up, "--check")
    assert (code, out.endswith(": no difference\n")) == (0, True), (out, err)
    return True


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
    eventually("the batch to be shown", 30, lambda: up.get(f"/batches/{name}", **ANN).status == 200)


def is_done(up, name):
    return up.get(f"/batches/{name}", **ANN).json["batch"]["status"] == "completed"


def hammer(up, name, done):
    """Read, one by one and in lists, until it is over; how often."""
    count = 0
    while not done.is_set():
        job = up.get(f"/jobs/job-{name}.{count % SIZE + 1}", **ANN)
        batch = up.get(f"/batches/{name}", **ANN)
        page = up.get(f"/jobs?batch_id={name}&limit=20&skip={count % SIZE}", **ANN)
        assert [answer.status for answer in (job, batch, page)] == [200] * 3
        assert batch.json["batch"]["total_jobs"] == SIZE
        assert page.json["total"] == SIZE
        assert up.get("/batches?limit=0", **ANN).json["total"] == 1
        count += 1
    return count


def shown(up, name):
    return check_counters(up, name, **ANN), all_jobs(up, name, **ANN)


def nats_servers(up):
    folder = up.environ["EVENTJOB_DATA_DIR"]
    return [pid for pid, _, command in processes() if any(folder in part for part in command)]


def test_nobody_notices_a_rebuild_of_what_runs(up, site):
    post(up, site, "busy", SIZE)
    done = Event()
    with ThreadPoolExecutor(4) as pool:
        readers = [pool.submit(hammer, up, "busy", done) for _ in range(4)]
        try:
            rounds = 0
            while not is_done(up, "busy") or rounds < 3:
                rebuilt(up)
                assert is_right(up)
                rounds += 1
        finally:
            done.set()
        print(f"{rounds} rebuilds beside {sum(r.result() for r in readers)} rounds of reads")
    before = shown(up, "busy")
    rebuilt(up)
    assert shown(up, "busy") == before
    assert is_right(up)
    up.stop()
    assert rebuilt(up).startswith(f"rebuilt {SIZE} jobs and 1 batches from ")
    assert is_right(up)
    assert nats_servers(up) == []
    up.start()
    assert shown(up, "busy") == before


def documents(up, table):
    """The file, and the name of the table in which documents lie now."""
    file = sqlite3.connect(Path(up.environ["EVENTJOB_DATA_DIR"]) / "projection.db")
    names = [name for (name,) in file.execute("SELECT name FROM sqlite_master WHERE type='table'")]
    (found,) = [name for name in names if name.startswith(f"{table}_documents")]
    return file, found


def changed(**fields):
    """The statement that changes fields of the first job's document, and its values."""

    def change(text):
        new = json.dumps(json.loads(text) | fields, separators=(",", ":"))
        return "UPDATE {table} SET document = ? WHERE position = ?", [new.encode()]

    return change


BY_HAND = {
    "status": (changed(status="failed"), 'status: the document says "failed", the log says "comp'),
    "log": (changed(log=[]), "log: the document says [], the log says [{"),
    "tries": (changed(tries=4), "tries: the document says 4, the log says 0"),
    "removed": (
        lambda _: ("DELETE FROM {table} WHERE position = ?", []),
        "is missing: the log has",
    ),
}


def test_what_was_changed_by_hand_is_named_and_mended(up, site):
    post(up, site, "touched", 6)
    eventually("the batch", 60, lambda: is_done(up, "touched"))
    before = shown(up, "touched")
    for change, said in BY_HAND.values():
        alter(up, change)
        code, out, err = ran(up, "--check")
        assert (code, out.startswith(f"job job-touched.1: {said}")) == (1, True), (out, err)
        assert out.endswith(": 1 difference\n")
        assert "`eventjob rebuild` mends that" in err
        rebuilt(up)
        assert is_right(up)
    assert shown(up, "touched") == before
    alter(up, lambda _: ("UPDATE {table} SET document = ? WHERE position = ?", [b"{"]))
    code, out, err = ran(up, "--check")
    assert (code, out, "a document cannot be read" in err) == (1, "", True), (out, err)
    rebuilt(up)
    assert is_right(up)


def alter(up, change):
    """Change the first job's document in the file."""
    file, table = documents(up, "jobs")
    position, text = file.execute(f"SELECT * FROM {table} ORDER BY position").fetchone()
    statement, values = change(text)
    with file:
        file.execute(statement.format(table=table), [*values, position])
    file.close()


def test_killed_in_the_middle_it_leaves_nothing_behind(up, site):
    post(up, site, "survivor", 200)
    for delay_s in (0.4, 0.6, 0.8, 1.0):
        with started(up) as process:
            time.sleep(delay_s)  # the blow, not a wait
            os.kill(process.pid, signal.SIGKILL)
        assert up.get("/batches/survivor", **ANN).status == 200
    eventually("the batch", 120, lambda: is_done(up, "survivor"))
    before = shown(up, "survivor")
    assert is_right(up)
    up.stop()
    with started(up) as process:
        eventually("its server", 20, lambda: nats_servers(up))
        os.kill(process.pid, signal.SIGKILL)
    eventually("its server to be gone", 10, lambda: not nats_servers(up))
    with started(up) as process:
        eventually("its server", 20, lambda: nats_servers(up))
        process.terminate()
        assert process.wait(30) in {0, 1}
    assert nats_servers(up) == []
    rebuilt(up)
    up.start()
    assert shown(up, "survivor") == before
    assert is_right(up)


def test_without_an_event_log_it_says_so_and_makes_nothing(tmp_path):
    up = Up(tmp_path)
    for folder in (tmp_path / "none", tmp_path / "empty"):
        up.environ["EVENTJOB_DATA_DIR"] = str(folder)
        (tmp_path / "empty").mkdir(exist_ok=True)
        for arguments in ([], ["--check"]):
            code, out, err = ran(up, *arguments)
            assert (code, out) == (1, "")
            assert err == f"eventjob rebuild: there is no event log in data folder {folder}\n"
    assert [path.name for path in tmp_path.iterdir()] == ["empty"]
    assert list((tmp_path / "empty").iterdir()) == []
