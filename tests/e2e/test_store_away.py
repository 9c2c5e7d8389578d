"""The store is taken away in the middle of 500 jobs, and comes back: nothing is lost.

The short form takes it away for 8 s; with `EVENTJOB_TEST_LONG=1` it is 30 s.
"""

import os
import time
from contextlib import contextmanager

import pytest
from deployment import Up, eventually, session, without_pauses
from mongo_server import SecantusServer, needs_secantus
from verify import all_jobs, check_completed, check_counters

pytestmark = pytest.mark.long
AWAY_S = 30 if os.environ.get("EVENTJOB_TEST_LONG") else 8
JOBS = 500
BEFORE = 50  # are completed before
DONE_WITHIN_S = 240


class SqliteFile:
    """Its folder is renamed, and renamed again."""

    def __init__(self, folder):
        self._folder, self._elsewhere = folder / "store", folder / "away"
        self._folder.mkdir()
        self.url = f"sqlite://{self._folder}/projection.db"

    @contextmanager
    def away(self):
        self._folder.rename(self._elsewhere)
        try:
            yield
        finally:
            self._elsewhere.rename(self._folder)

    def stop(self):
        pass


class Secantus:
    """Its server is killed, and started again."""

    def __init__(self, _):
        self._server = SecantusServer()
        self._server.start()
        self.url = self._server.url("eventjob")

    @contextmanager
    def away(self):
        self._server.kill()
        try:
            yield
        finally:
            self._server.start()

    def stop(self):
        self._server.stop()


@pytest.fixture(
    params=[
        pytest.param(SqliteFile, id="sqlite"),
        pytest.param(Secantus, id="secantusdb", marks=needs_secantus),
    ]
)
def store(request, tmp_path):
    store = request.param(tmp_path)
    yield store
    store.stop()


@pytest.fixture
def up(tmp_path, store, site):
    settings = without_pauses(site.port) | {"EVENTJOB_STORE_URL": store.url}
    with Up(tmp_path, "ann", **settings) as up:
        yield up


def page(site, name):
    return session(f"{site.url}/{name}", name)


def completed(up):
    answer = up.get("/batches/many")
    return answer.json["batch"]["completed_jobs"] if answer.status == 200 else 0


def write_and_read(up, site, number):
    """The id of a job that is accepted while nothing can be read."""
    written = up.post("/jobs", page(site, f"meanwhile-{number}"))
    assert (written.status, written.json["status"]) == (202, "success"), written
    job_id = written.json["job"]["job_id"]
    for path in ("/jobs", "/batches/many", f"/jobs/{job_id}", "/readyz"):
        read = up.get(path)
        assert (read.status, read.json["error_type"]) == (503, "unavailable"), (path, read)
    return job_id


def test_nothing_is_lost_while_the_store_is_away(up, store, site):
    up.submit("many", [page(site, f"s-{n}") for n in range(JOBS)])
    eventually("the first jobs", 60, lambda: completed(up) >= BEFORE)
    before, meanwhile, began = completed(up), [], time.monotonic()
    with store.away():
        while time.monotonic() - began < AWAY_S:
            meanwhile.append(write_and_read(up, site, len(meanwhile)))
        away_s = time.monotonic() - began
    assert before < JOBS
    back = time.monotonic()
    eventually("the store", 30, up.is_ready)
    ready_s = time.monotonic() - back

    def is_all_done():
        alone = [up.get(f"/jobs/{job_id}") for job_id in meanwhile]
        return completed(up) == JOBS and all(
            answer.status == 200 and answer.json["job"]["status"] == "completed" for answer in alone
        )

    eventually("all jobs", DONE_WITHIN_S, is_all_done)
    print(
        f"{before} of {JOBS} jobs were completed when the store went for {away_s:.1f} s; "
        f"{len(meanwhile)} writes were accepted meanwhile; ready {ready_s:.1f} s after it was "
        f"back, all completed after {time.monotonic() - back:.1f} s"
    )
    assert check_counters(up, "many")["status"] == "completed"
    jobs = all_jobs(up, "many")
    assert len(jobs) == JOBS
    for job in jobs[:: JOBS // 20]:
        check_completed(up, job)
    assert up.get("/jobs?limit=0").json["total"] == JOBS + len(meanwhile)
    listed = up.get("/jobs?status=completed&limit=1000").json
    assert listed["total"] == len(listed["jobs"]) == JOBS + len(meanwhile)
