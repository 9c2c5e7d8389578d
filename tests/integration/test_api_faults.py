"""What clients hear while a part of the deployment is away."""

from datetime import timedelta

import pytest
from fakes_api import Deployment, as_user, client_of, job_body

from eventjob.bus.errors import NoAnswer, Poison, StorageFull, Unavailable
from eventjob.contracts.replies import Declined
from eventjob.projection.store import StoreUnavailable
from services.api.routes import OPERATIONS

ANN = as_user("ann")
WRITES = [
    ("POST", "/jobs/j/restart", None),
    ("DELETE", "/jobs/j", None),
    ("POST", "/batches/b/archive", None),
    ("POST", "/batches/b/toggle-active", None),
    ("POST", "/batches/fail-all", None),
    ("DELETE", "/batches/b", None),
    ("POST", "/jobs", job_body()),
    ("POST", "/jobs", job_body(batch_id="b")),
    ("POST", "/batches", {"jobs": [job_body()]}),
]
PASTS = ["/jobs/j/history", "/batches/b/history", "/jobs/j?as_of=1", "/batches/b?as_of=1"]
READS = ["/jobs", "/jobs/j", "/jobs/j/history", "/files/j/x", "/batches", "/batches/b"]


@pytest.fixture
async def deployment():
    deployment = Deployment()
    async with client_of(deployment) as client:
        await client.post("/jobs", json=job_body(job_id="j"), headers=ANN)
        sent = {"jobs": [job_body()], "batch_id": "b"}
        await client.post("/batches", json=sent, headers=ANN)
    return deployment


@pytest.fixture
async def client(deployment):
    async with client_of(deployment) as client:
        yield client


def no_answer(deployment):
    deployment.bus_fault = NoAnswer("nobody decides")


def no_projection(deployment):
    deployment.is_following = False


def no_store(deployment):
    deployment.store_fault = StoreUnavailable("mongodb://secret@host")


@pytest.mark.parametrize(("method", "path", "body"), WRITES)
@pytest.mark.parametrize("fault", [no_answer, no_projection])
async def test_what_cannot_be_seen_yet_is_accepted(
    client, deployment, *, fault, method, path, body
):
    fault(deployment)
    answer = await client.request(method, path, json=body, headers=ANN)
    assert (answer.status_code, answer.json()["status"]) == (202, "success")
    assert answer.headers["location"].startswith("/api/event-job/")
    assert answer.json()["message"]


@pytest.mark.parametrize("fault", [no_answer, no_projection, no_store])
async def test_a_post_that_cannot_be_seen_yet_shows_what_was_sent(client, deployment, fault):
    fault(deployment)
    sent = job_body(job_id="new", access_control={"visibility": "public"})
    answer = await client.post("/jobs", json=sent, headers=ANN)
    job = answer.json()["job"]
    assert answer.status_code == 202
    assert answer.headers["location"] == "/api/event-job/jobs/new"
    assert (job["job_id"], job["status"], job["user_id"]) == ("new", "pending", "ann")
    assert job["access_control"]["visibility"] == "public"
    sent = {"jobs": [job_body()] * 2, "batch_id": "batch-new"}
    answer = await client.post("/batches", json=sent, headers=ANN)
    batch = answer.json()["batch"]
    assert answer.status_code == 202
    assert (batch["batch_id"], batch["pending_jobs"], batch["total_jobs"]) == ("batch-new", 2, 2)
    assert answer.json()["job_ids"] == ["job-new.1", "job-new.2"]


async def test_a_job_that_joined_a_batch_is_shown_before_it_is_seen(client, deployment):
    no_projection(deployment)
    answer = await client.post("/jobs", json=job_body(batch_id="b"), headers=ANN)
    job = answer.json()["job"]
    assert answer.status_code == 202
    assert (job["job_id"], job["batch_id"], job["user_id"]) == ("job-b.2", "b", "ann")


@pytest.mark.parametrize(("method", "path", "body"), WRITES)
async def test_without_a_bus_nothing_is_taken(client, deployment, method, path, body):
    deployment.bus_fault = Unavailable("nats://secret@host is away", timedelta(seconds=6.5))
    answer = await client.request(method, path, json=body, headers=ANN)
    assert (answer.status_code, answer.json()["error_type"]) == (503, "unavailable")
    assert answer.headers["retry-after"] == "7"
    assert "secret" not in answer.text


@pytest.mark.parametrize(("method", "path", "body"), WRITES)
async def test_a_full_log_says_so(client, deployment, method, path, body):
    deployment.bus_fault = StorageFull("/var/lib is full")
    answer = await client.request(method, path, json=body, headers=ANN)
    assert (answer.status_code, answer.json()["error_type"]) == (503, "storage_full")
    assert answer.headers["retry-after"]
    assert "/var" not in answer.text


async def test_a_log_that_fills_up_while_the_scheduler_decides_says_so(client, deployment):
    async def decline(*_args, **_kwargs):
        return Declined(code="storage_full", message="the event log takes no more: 10077")

    deployment.send = decline
    answer = await client.post("/jobs", json=job_body(), headers=ANN)
    assert (answer.status_code, answer.json()["error_type"]) == (503, "storage_full")
    assert "10077" not in answer.text


@pytest.mark.parametrize("path", READS)
async def test_without_a_store_nothing_is_read(client, deployment, path):
    no_store(deployment)
    answer = await client.get(path, headers=ANN)
    assert (answer.status_code, answer.json()["error_type"]) == (503, "unavailable")
    assert "secret" not in answer.text


@pytest.mark.parametrize("path", PASTS)
async def test_a_past_that_is_lost_is_said_to_be_lost(client, deployment, path):
    async def lost(_group, _n=None):
        raise Poison("the exported events of batch-b: secret")

    async def lost_with_jobs(group):
        yield await lost(group)

    deployment.read, deployment.read_with_jobs = lost, lost_with_jobs
    answer = await client.get(path, headers=ANN)
    assert (answer.status_code, answer.json()["error_type"]) == (500, "history_lost")
    assert "secret" not in answer.text
    here = f"/api/event-job{path.partition('?')[0]}"
    (operation,) = [o for o in OPERATIONS if o.method == "GET" and o.is_on_path(here)]
    assert "history_lost" in operation.errors
    assert (await client.get(path.split("?")[0].removesuffix("/history"), headers=ANN)).is_success


async def test_a_full_disk_takes_nothing_more_but_deletes(deployment):
    async with client_of(deployment, free_bytes=lambda _folder: 999) as client:
        for path, body in [
            ("/jobs", job_body()),
            ("/batches", {"jobs": []}),
            ("/jobs/j/restart", None),
        ]:
            answer = await client.post(path, json=body, headers=ANN)
            assert (answer.status_code, answer.json()["error_type"]) == (503, "storage_full")
        assert (await client.get("/jobs", headers=ANN)).status_code == 200
        assert (await client.delete("/jobs/j", headers=ANN)).status_code == 200


async def test_a_bug_is_told_without_its_details(client, deployment):
    deployment.store_fault = ZeroDivisionError("/secret/path.py")
    answer = await client.get("/jobs", headers=ANN)
    assert answer.status_code == 500
    assert answer.json() == {
        "status": "error",
        "error_type": "internal",
        "message": "internal error; see the log of the api",
    }
    deployment.store_fault = None
    metrics = (await client.get("http://127.0.0.1:5000/metrics")).text
    assert 'status="500"' in metrics
