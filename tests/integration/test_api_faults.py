"""What clients hear while a part of the deployment is away."""

from datetime import timedelta

import pytest
from api_client import client_of
from fakes_api import SITE, job_body

from eventjob.bus.errors import NoAnswer, Poison, StorageFull, Unavailable
from eventjob.contracts.replies import Declined
from eventjob.projection.store import StoreUnavailable
from services.api.routes import OPERATIONS

WRITES = [
    ("POST", "/jobs", job_body()),
    ("POST", "/jobs", job_body(batch_id="b")),
    ("POST", "/batches", {"jobs": [job_body()]}),
    ("POST", "/jobs/j/restart", None),
    ("POST", "/batches/b/toggle-active", None),
    ("POST", "/batches/fail-all", None),
    ("POST", "/batches/b/archive", None),
    ("DELETE", "/jobs/j", None),
    ("DELETE", "/batches/b", None),
]
READS = ["/jobs", "/jobs/j", "/jobs/j/history", "/files/j/x", "/batches", "/batches/b"]
PASTS = ["/jobs/j/history", "/batches/b/history", "/jobs/j?as_of=1", "/batches/b?as_of=1"]


@pytest.fixture(autouse=True)
async def made(client):
    await client.new_job("j")
    await client.new_batch("b")


def no_answer(deployment):
    deployment.bus_fault = NoAnswer("nobody decides")


def no_projection(deployment):
    deployment.is_following = False


def no_store(deployment):
    deployment.store_fault = StoreUnavailable("mongodb://secret@host")


async def refused(client, asked, error_type, status=503):
    """Each of these, with a time to come again, and no secrets."""
    for method, path, body in asked:
        answer = await client.request(method, path, json=body)
        said = (method, path, answer.text)
        assert (answer.status_code, answer.json()["error_type"]) == (status, error_type), said
        assert status != 503 or answer.headers["retry-after"], said
        assert not any(word in answer.text for word in ("secret", "/var", "10077")), said
    return answer


@pytest.mark.parametrize("fault", [no_answer, no_projection])
async def test_what_cannot_be_seen_yet_is_accepted(client, deployment, fault):
    fault(deployment)
    for method, path, body in WRITES:
        answer = await client.request(method, path, json=body)
        assert (answer.status_code, answer.json()["status"]) == (202, "success"), path
        assert answer.headers["location"].startswith("/api/event-job/")
        assert answer.json()["message"]


@pytest.mark.parametrize("fault", [no_answer, no_projection, no_store])
async def test_a_post_that_cannot_be_seen_yet_shows_what_was_sent(client, deployment, fault):
    fault(deployment)
    body = job_body(job_id="new", access_control={"visibility": "public"})
    answer = await client.post("/jobs", json=body)
    job = answer.json()["job"]
    assert answer.status_code == 202
    assert answer.headers["location"] == "/api/event-job/jobs/new"
    assert (job["job_id"], job["status"], job["user_id"]) == ("new", "pending", "ann")
    assert job["access_control"]["visibility"] == "public"
    made = await client.sent("/batches", {"jobs": [job_body()] * 2, "batch_id": "batch-new"}, 202)
    batch = made["batch"]
    assert (batch["batch_id"], batch["pending_jobs"], batch["total_jobs"]) == ("batch-new", 2, 2)
    assert made["job_ids"] == ["job-new.1", "job-new.2"]
    if fault is no_projection:
        job = (await client.sent("/jobs", job_body(batch_id="b"), 202))["job"]
        assert (job["job_id"], job["batch_id"], job["user_id"]) == ("job-b.2", "b", "ann")


async def test_without_a_bus_or_with_a_full_log_nothing_is_taken(client, deployment):
    deployment.bus_fault = Unavailable("nats://secret@host is away", timedelta(seconds=6.5))
    answer = await refused(client, WRITES, "unavailable")
    assert answer.headers["retry-after"] == "7"
    deployment.bus_fault = StorageFull("/var/lib is full")
    await refused(client, WRITES, "storage_full")
    deployment.bus_fault = None

    async def decline(*_args, **_kwargs):  # it fills up while the scheduler decides
        return Declined(code="storage_full", message="the event log takes no more: 10077")

    deployment.send = decline
    await refused(client, [("POST", "/jobs", job_body())], "storage_full")


async def test_without_a_store_nothing_is_read(client, deployment):
    no_store(deployment)
    await refused(client, [("GET", path, None) for path in READS], "unavailable")


async def test_a_past_that_is_lost_is_said_to_be_lost(client, deployment):
    async def lost(_group, _n=None):
        raise Poison("the exported events of batch-b: secret")

    async def lost_with_jobs(group):
        yield await lost(group)

    deployment.read, deployment.read_with_jobs = lost, lost_with_jobs
    await refused(client, [("GET", path, None) for path in PASTS], "history_lost", 500)
    for path in (path.partition("?")[0] for path in PASTS):
        here = f"/api/event-job{path}"
        (operation,) = [o for o in OPERATIONS if o.method == "GET" and o.is_on_path(here)]
        assert "history_lost" in operation.errors
        await client.got(path.removesuffix("/history"))


async def test_a_full_disk_takes_nothing_more_but_deletes(deployment):
    async with client_of(deployment, "ann", free_bytes=999) as client:
        writes = [("/jobs", job_body()), ("/batches", {"jobs": []}), ("/jobs/j/restart", None)]
        await refused(client, [("POST", *write) for write in writes], "storage_full")
        await client.got("/jobs")
        await client.deleted("/jobs/j")


async def test_a_bug_is_told_without_its_details(client, deployment):
    deployment.store_fault = ZeroDivisionError("/secret/path.py")
    assert await client.got("/jobs", 500) == {
        "status": "error",
        "error_type": "internal",
        "message": "internal error; see the log of the api",
    }
    deployment.store_fault = None
    assert 'status="500"' in (await client.get(f"{SITE}/metrics")).text
