"""What clients meet while a part of the running product hangs, dies, or is away."""

import os
import signal
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager

import pytest
from deployment import CLOSED, eventually, session
from process_tree import SERVICES
from verify import all_jobs, check_completed, check_counters

ANSWERED_WITHIN_S = 8.0
BACK_WITHIN_S = 40.0


@pytest.fixture
def batch(up, request):
    """A batch of three jobs."""
    name = f"batch-{abs(hash(request.node.name))}"
    up.submit(name, [CLOSED] * 3)
    return name


@contextmanager
def frozen(up, service):
    """The service neither works nor ends meanwhile."""
    (pid,) = up.children()[service]
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@contextmanager
def store_away(up):
    (up.folder / "store").rename(up.folder / "away")
    try:
        yield
    finally:
        (up.folder / "away").rename(up.folder / "store")


def write_everything(up, batch, key):
    """The answers to one write of each kind, sent at once; each comes in time."""
    job, again = batch.replace("batch-", "job-"), {"Idempotency_Key": key}
    writes = [
        ("POST", "/jobs", {**CLOSED, "job_name": key}, again),
        ("POST", "/jobs", {**CLOSED, "batch_id": batch}, again),
        ("POST", "/batches", {"jobs": [CLOSED] * 2}, again),
        ("POST", f"/jobs/{job}.1/restart", None, {}),
        ("DELETE", f"/jobs/{job}.2", None, {}),
        ("POST", f"/batches/{batch}/toggle-active", {"active": False}, {}),
        ("POST", f"/batches/{batch}/archive", {"archived": False}, {}),
    ]
    began = time.monotonic()
    with ThreadPoolExecutor(len(writes)) as pool:
        asked = [pool.submit(up.request, *write) for write in writes]
    assert time.monotonic() - began < ANSWERED_WITHIN_S
    return [answer.result() for answer in asked]


def check_unavailable(answers):
    for answer in answers:
        assert (answer.status, answer.json["error_type"]) == (503, "unavailable"), answer
        assert int(answer.headers["retry-after"]) >= 1


def check_accepted(answers, batch):
    """As submitted where something was, with the address at which it will appear."""
    for answer in answers:
        assert (answer.status, answer.json["status"]) == (202, "success"), answer
        assert answer.headers["location"].startswith("/api/event-job/")
    alone, _, many = (answer.json for answer in answers[:3])
    assert alone["job"]["status"] == "pending"
    assert alone["job"]["parameters"]["session"] == "S"
    assert answers[0].headers["location"].endswith(f"/jobs/{alone['job']['job_id']}")
    assert (many["batch"]["pending_jobs"], len(many["job_ids"])) == (2, 2)
    assert answers[4].headers["location"].endswith(f"{batch.replace('batch-', 'job-')}.2")


def check_done(up, batch, key):
    """Everything that was written is there once, also where it is asked for again."""
    eventually("all to be well", BACK_WITHIN_S, up.is_ready)
    for answer in write_everything(up, batch, key)[:3]:
        assert answer.status == 201, answer
    named = [j for j in up.get("/jobs?limit=1000").json["jobs"] if j.get("job_name") == key]
    assert len(named) == 1
    found = up.batch(batch)
    assert (found["total_jobs"], found["isActive"], found["archived"]) == (3, False, False)
    assert up.get(f"/jobs/{batch.replace('batch-', 'job-')}.2").status == 404


def check_reads(up, batch):
    assert up.batch(batch)["total_jobs"] == 3
    assert up.get(f"/jobs?batch_id={batch}").json["total"] == 3
    assert up.get("/healthz").status == 200


def test_a_bus_that_hangs_takes_nothing_and_reads_go_on(up, batch):
    with frozen(up, "nats-server"):
        check_unavailable(write_everything(up, batch, "hanging"))
        check_reads(up, batch)
        check_unavailable([up.get(f"/batches/{batch}/history"), up.get("/readyz")])
    check_done(up, batch, "hanging")


def test_a_bus_that_dies_is_back_by_itself(up, batch):
    assert up.kill("nats-server")
    for answer in write_everything(up, batch, "dying"):
        assert answer.status in {200, 201, 202, 503}, answer
    assert up.get(f"/batches/{batch}").status == 200
    check_done(up, batch, "dying")


def test_a_scheduler_that_hangs_finds_what_was_accepted(up, batch):
    with frozen(up, "scheduler"):
        accepted = write_everything(up, batch, "later")
        check_accepted(accepted, batch)
        check_reads(up, batch)
        where = accepted[0].headers["location"].removeprefix("/api/event-job")
        assert up.get(where).status == 404
        eventually("it to be missed", 10, lambda: not up.is_ready())
        assert up.get("/readyz").json["details"] == ["the scheduler is silent"]
    eventually("the job", BACK_WITHIN_S, lambda: up.get(where).status == 200)
    check_done(up, batch, "later")


def test_a_projector_that_hangs_finds_what_was_done(up, batch):
    with frozen(up, "projector"):
        check_accepted(write_everything(up, batch, "projected"), batch)
        check_reads(up, batch)
    check_done(up, batch, "projected")


def test_without_its_store_writes_are_accepted_and_reads_wait(up, batch):
    with store_away(up):
        check_accepted(write_everything(up, batch, "stored"), batch)
        reads = ("/jobs", "/batches", f"/batches/{batch}", f"/batches/{batch}/history", "/readyz")
        check_unavailable([up.get(path) for path in reads])
        assert "the store does not answer" in up.get("/readyz").json["details"]
        assert up.get("/healthz").status == 200
    check_done(up, batch, "stored")


def test_while_its_store_is_locked_reads_go_on(up, batch):
    file = up.folder / "store" / "projection.db"
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        check_accepted(write_everything(up, batch, "locked"), batch)
        check_reads(up, batch)
    check_done(up, batch, "locked")


def test_work_goes_on_while_the_store_is_away(up, held):
    up.submit("meanwhile", [session(f"{held.url}/away/{n}", f"{n}") for n in range(20)])
    with store_away(up):
        held.hold.set()
        eventually("the last page to be asked for", 30, lambda: held.seen["/away/19"])
    up.finish("meanwhile")
    assert check_counters(up, "meanwhile")["completed_jobs"] == 20
    for job in all_jobs(up, "meanwhile"):
        check_completed(up, job)


def test_a_store_that_is_lost_is_made_again(up, batch):
    before = up.get("/jobs?limit=1000&order=asc").json
    assert before["total"]
    for file in (up.folder / "store").iterdir():
        file.unlink()

    def is_made_again():
        answer = up.get("/jobs?limit=0")
        return answer.status == 200 and answer.json["total"] == before["total"]

    eventually("the store", BACK_WITHIN_S, is_made_again)
    after = up.get("/jobs?limit=1000&order=asc").json
    for kept in ("job_id", "created_at", "parameters"):
        assert [job[kept] for job in after["jobs"]] == [job[kept] for job in before["jobs"]]
    check_reads(up, batch)


@pytest.mark.parametrize("service", [*SERVICES, "nats-server"])
def test_what_dies_comes_back(up, service):
    (dead,) = up.children()[service]
    assert up.kill(service)
    eventually("it", BACK_WITHIN_S, lambda: up.children().get(service, [dead]) != [dead])
    eventually("all", BACK_WITHIN_S, up.is_ready)
    assert up.patiently("POST", "/jobs", CLOSED).status in {201, 202}
