"""Jobs and batches as they were: at every event what a reader saw, and what the log folds to."""

from datetime import timedelta

import msgspec
import pytest
from api_client import client_of
from fakes_api import BEGINNING, Deployment, job_body

from eventjob.artifacts.store import ArtifactsUnavailable
from eventjob.bus.errors import Unavailable
from eventjob.contracts.base import JobError
from eventjob.contracts.events import AttemptFailed, BatchCompleted, JobFailed, JobsStarted, Start
from eventjob.projection.fold import fold
from services.api.response.to_views import batch_view, job_view

TIMEOUT = JobError(code="timeout", message="no answer within 10 s")
OBJECTS = ("/jobs/j", "/batches/b", "/jobs/job-b.1")


class Life(Deployment):
    """A deployment that lets a second pass between events, and remembers what each showed."""

    def __init__(self):
        super().__init__()
        self.client = None
        self.seen = {}

    def append(self, group, n, event, actor=""):
        at = BEGINNING + timedelta(seconds=len(self.records) + 1)
        super().append(group, n, msgspec.structs.replace(event, at=at), actor)

    async def look(self, *paths):
        for path in paths:
            self.seen[path, len(self.records)] = (await self.client.get(path)).json()


@pytest.fixture
async def life():
    life = Life()
    async with client_of(life, "ann") as life.client:
        yield life


@pytest.fixture
async def client(life):
    """A job alone, and a batch of three."""
    await life.client.new_job("other")
    await life.client.new_job("j")
    await life.client.new_batch("b", 3)
    return life.client


async def lead(life, job_id, group, n, *paths):
    """A job's life: retried, completed, restarted, failed, restarted, and completed once more."""

    async def happen(event, on=n):
        life.append(group, on, event)
        await life.look(*paths)

    async def start(attempt):
        at = BEGINNING
        await happen(JobsStarted(starts=[Start(n, attempt)], deadline=at, at=at), on=None)

    async def restart():
        await life.client.sent(f"/jobs/{job_id}/restart")
        await life.look(*paths)

    await life.look(*paths)
    await start(1)
    await happen(AttemptFailed(attempt=1, error=TIMEOUT, retry_at=BEGINNING, at=BEGINNING))
    await life.complete(job_id)
    await life.look(*paths)
    await restart()
    await start(3)
    await happen(JobFailed(attempt=3, error=TIMEOUT, at=BEGINNING))
    if group.startswith("b-"):
        await happen(BatchCompleted(status="completed", at=BEGINNING), on=None)
    await restart()
    await life.complete(job_id, ("Ev/Tr/s/a.pdf", "application/pdf", b"%PDF"))
    await life.look(*paths)


async def check_every_moment(life, path, view_at):
    """At each event the answer is the fold up to it, and what was seen where somebody looked."""
    looked = 0
    for sequence in range(len(life.records) + 3):
        past = life.records[:sequence]
        view = view_at(fold(past, {}, {})) if past else None
        answer = await life.client.get(f"{path}?as_of={sequence}")
        seconds = f"{BEGINNING + timedelta(seconds=sequence, milliseconds=500):%FT%T.5Z}"
        by_time = await life.client.get(f"{path}?as_of={seconds}")
        assert by_time.status_code == answer.status_code
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


@pytest.mark.usefixtures("client")
@pytest.mark.parametrize(("job_id", "group", "n"), [("j", "j-j", 1), ("job-b.2", "b-b", 2)])
async def test_at_every_event_a_job_is_what_it_was(life, job_id, group, n):
    await lead(life, job_id, group, n, f"/jobs/{job_id}")

    def view_at(changes):
        return next((job_view(job) for job in changes.jobs if job.job_id == job_id), None)

    await check_every_moment(life, f"/jobs/{job_id}", view_at)


async def test_at_every_event_a_batch_is_what_it_was(life, client):
    await lead(life, "job-b.2", "b-b", 2, "/batches/b")
    await client.sent("/batches/b/toggle-active")
    await client.sent("/batches/b/toggle-active")
    await client.sent("/jobs", job_body(batch_id="b"), 201)
    await client.sent("/batches/b/archive")
    await client.deleted("/jobs/job-b.1")

    def view_at(changes):
        return batch_view(changes.batches[0]) if changes.batches else None

    await check_every_moment(life, "/batches/b", view_at)


async def test_the_results_of_then_are_shown_without_what_was_swept_away(life, client):
    await life.complete("j")
    then = f"/jobs/j?as_of={len(life.records)}"
    await client.sent("/jobs/j/restart")
    life.blobs.blobs.clear()
    job = (await client.got(then))["job"]
    assert job["status"] == "completed"
    assert job["results"]["markdown_file"] == "j/Ev/Tr/s.md"
    assert job["results"]["markdown_content"] is None
    assert "results" not in (await client.got("/jobs/j"))["job"]

    async def away(_sha256):
        raise ArtifactsUnavailable("no disk")

    life.blobs.get = away
    await client.got(then, 503)
    life.bus_fault = Unavailable("no NATS")  # without the log there is no past
    await client.got("/jobs/j")
    assert (await client.got("/jobs/j?as_of=1", 503))["error_type"] == "unavailable"


async def test_what_is_deleted_was_never_there_and_a_stranger_learns_of_no_moment(life, client):
    async with client_of(life) as other:
        for path in OBJECTS:
            await client.got(f"{path}?as_of=99")
            for moment in ("0", "99"):
                for user in ("eve", None):
                    refused = await other.got(f"{path}?as_of={moment}", 403, user=user)
                    assert refused["error_type"] == "permission_denied"
    for path in ("/jobs/j", "/batches/b"):
        await client.deleted(path)
    for path in OBJECTS:
        for moment in ("1", "99", "2030-02-01T09:30:00Z"):
            body = await client.got(f"{path}?as_of={moment}", 404)
            assert body["error_type"] == "not_found"


async def test_tags_are_of_one_moment(client):
    for path in ("/jobs/j", "/batches/b"):
        moments = ("", "?as_of=98", "?as_of=99", "?as_of=2040-01-01T00:00:00Z")
        addresses = [f"{path}{moment}" for moment in moments]
        answers = [await client.get(address) for address in addresses]
        assert len({answer.text for answer in answers}) == 1
        tags = [answer.headers["etag"] for answer in answers]
        assert len(set(tags)) == len(addresses)
        for address, tag in zip(addresses, tags, strict=True):
            for other in addresses:
                again = await client.get(other, headers={"If-None-Match": tag})
                assert again.status_code == (304 if other == address else 200)
