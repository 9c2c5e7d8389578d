"""Jobs and batches as they were: at every event what a reader saw, and what the log folds to."""

from datetime import timedelta

import pytest
from fakes_api import BEGINNING, Deployment, as_user, client_of, job_body

from eventjob.artifacts.store import ArtifactsUnavailable
from eventjob.bus.errors import Unavailable
from eventjob.contracts.base import JobError
from eventjob.contracts.events import AttemptFailed, BatchCompleted, JobFailed, JobsStarted, Start
from eventjob.projection.fold import fold
from services.api.response.to_views import batch_view, job_view

ANN, EVE = as_user("ann"), as_user("eve")
TIMEOUT = JobError(code="timeout", message="no answer within 10 s")


class Life(Deployment):
    """A deployment that lets a second pass between events, and remembers what each showed."""

    def __init__(self):
        super().__init__()
        self.client = None
        self.seen = {}

    def append(self, group, n, event, actor=""):
        at = BEGINNING + timedelta(seconds=len(self.records) + 1)
        super().append(group, n, type(event)(**{**fields(event), "at": at}), actor)

    async def look(self, *paths):
        for path in paths:
            answer = await self.client.get(path, headers=ANN)
            self.seen[path, len(self.records)] = answer.json()


def fields(event):
    return {name: getattr(event, name) for name in event.__struct_fields__}


@pytest.fixture
async def life():
    life = Life()
    async with client_of(life) as life.client:
        yield life


async def lead(life, job_id, group, n, *paths):
    """A job's life: retried, completed, restarted, failed, restarted, and completed once more."""

    async def happen(event, on=n):
        life.append(group, on, event)
        await life.look(*paths)

    async def start(attempt):
        at = BEGINNING
        await happen(JobsStarted(starts=[Start(n, attempt)], deadline=at, at=at), on=None)

    await life.look(*paths)
    await start(1)
    await happen(AttemptFailed(attempt=1, error=TIMEOUT, retry_at=BEGINNING, at=BEGINNING))
    await life.complete(job_id)
    await life.look(*paths)
    await life.client.post(f"/jobs/{job_id}/restart", headers=ANN)
    await life.look(*paths)
    await start(3)
    await happen(JobFailed(attempt=3, error=TIMEOUT, at=BEGINNING))
    if group.startswith("b-"):
        await happen(BatchCompleted(status="completed", at=BEGINNING), on=None)
    await life.client.post(f"/jobs/{job_id}/restart", headers=ANN)
    await life.look(*paths)
    await life.complete(job_id, ("Ev/Tr/s/a.pdf", "application/pdf", b"%PDF"))
    await life.look(*paths)


async def check_every_moment(life, path, view_at):
    """At each event the answer is the fold up to it, and what was seen where somebody looked."""
    looked = 0
    for sequence in range(len(life.records) + 3):
        answer = await life.client.get(f"{path}?as_of={sequence}", headers=ANN)
        seconds = f"{BEGINNING + timedelta(seconds=sequence, milliseconds=500):%FT%T.5Z}"
        by_time = await life.client.get(f"{path}?as_of={seconds}", headers=ANN)
        assert by_time.status_code == answer.status_code
        view = view_at(sequence)
        if view is None:
            assert (answer.status_code, answer.json()["error_type"]) == (404, "not_found")
            assert "did not exist yet" in answer.json()["message"]
            continue
        assert answer.status_code == 200
        assert by_time.json() == answer.json()
        (shown,) = [v for name, v in answer.json().items() if name != "status"]
        assert (shown["status"], shown["updated_at"]) == (view.status, view.updated_at)
        if (path, sequence) in life.seen:
            looked += 1
            assert answer.json() == life.seen[path, sequence]
    assert looked >= 8


def documents(life, sequence):
    past = life.records[:sequence]
    return fold(past, {}, {}) if past else None


@pytest.mark.parametrize("of_batch", [False, True], ids=["alone", "in a batch"])
async def test_at_every_event_a_job_is_what_it_was(life, of_batch):
    await life.client.post("/jobs", json=job_body(job_id="other"), headers=ANN)
    if of_batch:
        sent = {"batch_id": "b", "jobs": [job_body()] * 3}
        await life.client.post("/batches", json=sent, headers=ANN)
        job_id, group, n = "job-b.2", "b-b", 2
    else:
        await life.client.post("/jobs", json=job_body(job_id="j"), headers=ANN)
        job_id, group, n = "j", "j-j", 1
    path = f"/jobs/{job_id}"
    await lead(life, job_id, group, n, path)

    def view_at(sequence):
        changes = documents(life, sequence)
        found = [job for job in (changes.jobs if changes else ()) if job.job_id == job_id]
        return job_view(found[0]) if found else None

    await check_every_moment(life, path, view_at)


async def test_at_every_event_a_batch_is_what_it_was(life):
    await life.client.post("/jobs", json=job_body(job_id="other"), headers=ANN)
    sent = {"batch_id": "b", "jobs": [job_body()] * 3}
    await life.client.post("/batches", json=sent, headers=ANN)
    await lead(life, "job-b.2", "b-b", 2, "/batches/b")
    await life.client.post("/batches/b/toggle-active", headers=ANN)
    await life.client.post("/batches/b/archive", headers=ANN)
    await life.client.post("/jobs", json=job_body(batch_id="b"), headers=ANN)
    await life.client.delete("/jobs/job-b.1", headers=ANN)

    def view_at(sequence):
        changes = documents(life, sequence)
        return batch_view(changes.batches[0]) if changes and changes.batches else None

    await check_every_moment(life, "/batches/b", view_at)


async def test_the_results_of_then_are_shown_without_what_was_swept_away(life):
    await life.client.post("/jobs", json=job_body(job_id="j"), headers=ANN)
    await life.complete("j")
    then = len(life.records)
    await life.client.post("/jobs/j/restart", headers=ANN)
    life.blobs.blobs.clear()
    job = (await life.client.get(f"/jobs/j?as_of={then}", headers=ANN)).json()["job"]
    assert job["status"] == "completed"
    assert job["results"]["markdown_file"] == "j/Ev/Tr/s.md"
    assert job["results"]["markdown_content"] is None
    assert "results" not in (await life.client.get("/jobs/j", headers=ANN)).json()["job"]

    async def away(_sha256):
        raise ArtifactsUnavailable("no disk")

    life.blobs.get = away
    assert (await life.client.get(f"/jobs/j?as_of={then}", headers=ANN)).status_code == 503


async def test_what_is_deleted_was_never_there(life):
    await life.client.post("/jobs", json=job_body(job_id="j"), headers=ANN)
    await life.client.post("/batches", json={"batch_id": "b", "jobs": [job_body()]}, headers=ANN)
    for path in ("/jobs/j", "/batches/b", "/jobs/job-b.1"):
        assert (await life.client.get(f"{path}?as_of=99", headers=ANN)).status_code == 200
    for path in ("/jobs/j", "/batches/b"):
        await life.client.delete(path, headers=ANN)
    for path in ("/jobs/j", "/batches/b", "/jobs/job-b.1"):
        for moment in ("1", "99", "2030-02-01T09:30:00Z"):
            answer = await life.client.get(f"{path}?as_of={moment}", headers=ANN)
            assert (answer.status_code, answer.json()["error_type"]) == (404, "not_found")


async def test_a_stranger_learns_of_no_moment(life):
    await life.client.post("/jobs", json=job_body(job_id="j"), headers=ANN)
    await life.client.post("/batches", json={"batch_id": "b", "jobs": [job_body()]}, headers=ANN)
    for path in ("/jobs/j", "/batches/b", "/jobs/job-b.1"):
        for headers in (EVE, {}):
            for moment in ("0", "99"):
                answer = await life.client.get(f"{path}?as_of={moment}", headers=headers)
                assert (answer.status_code, answer.json()["error_type"]) == (
                    403,
                    "permission_denied",
                )


async def test_tags_are_of_one_moment(life):
    await life.client.post("/jobs", json=job_body(job_id="j"), headers=ANN)
    await life.client.post("/batches", json={"batch_id": "b", "jobs": []}, headers=ANN)
    for path in ("/jobs/j", "/batches/b"):
        addresses = [
            path,
            f"{path}?as_of=98",
            f"{path}?as_of=99",
            f"{path}?as_of=2040-01-01T00:00:00Z",
        ]
        answers = [await life.client.get(address, headers=ANN) for address in addresses]
        assert len({answer.text for answer in answers}) == 1
        tags = [answer.headers["etag"] for answer in answers]
        assert len(set(tags)) == len(addresses)
        for address, tag in zip(addresses, tags, strict=True):
            headers = {**ANN, "If-None-Match": tag}
            assert (await life.client.get(address, headers=headers)).status_code == 304
            for other in set(addresses) - {address}:
                assert (await life.client.get(other, headers=headers)).status_code == 200


async def test_without_the_log_there_is_no_past(life):
    await life.client.post("/jobs", json=job_body(job_id="j"), headers=ANN)
    life.bus_fault = Unavailable("no NATS")
    assert (await life.client.get("/jobs/j", headers=ANN)).status_code == 200
    answer = await life.client.get("/jobs/j?as_of=1", headers=ANN)
    assert (answer.status_code, answer.json()["error_type"]) == (503, "unavailable")
