"""The ZIP of a whole batch over HTTP: built when asked for, served while it is the right one."""

from datetime import timedelta

import pytest
from builders import zip_built, zip_failed
from fakes_api import Deployment, as_user, client_of, job_body

from eventjob.contracts.base import FileRef
from eventjob.contracts.commands import BuildBatchZip
from eventjob.contracts.events import BatchZipRequested, JobDeleted
from eventjob.domain.access import Caller

ANN, RITA, EVE = as_user("ann"), as_user("rita"), as_user("eve")
PATH = "/batches/batch-x/download-archive"
ZIP = b"PK" + bytes(range(256)) * 8
NAMED = """attachment; filename="Talks- 50_-day.zip"; filename*=UTF-8''Talks-%2050%25-day.zip"""
ACCESS = {"read_access": ["rita"]}


@pytest.fixture
async def deployment():
    """A batch of two jobs, of which the first is completed."""
    deployment = Deployment()
    async with client_of(deployment) as client:
        body = {
            "batch_id": "batch-x",
            "batch_name": "Talks: 50%/day",
            "jobs": [job_body(), job_body()],
            "access_control": ACCESS,
        }
        await client.post("/batches", json=body, headers=ANN)
    await deployment.complete("job-x.1")
    deployment.sent.clear()
    return deployment


@pytest.fixture
async def done(deployment):
    await deployment.complete("job-x.2")
    return deployment


@pytest.fixture
async def client(deployment):
    async with client_of(deployment) as client:
        yield client


async def build(deployment, content=None):
    """What an archiver does, and the scheduler after it."""
    sha256 = await deployment.blobs.put(ZIP)
    file = FileRef(
        path="batch.zip", sha256=sha256, size_bytes=len(ZIP), media_type="application/zip"
    )
    content = deployment.batches_by_group["b-x"].content if content is None else content
    deployment.append("b-x", None, zip_built(zip=file, content=content))
    return sha256


def requests(deployment):
    """The attempts that were asked for."""
    events = (record.event for record in deployment.records)
    return [event.attempt for event in events if isinstance(event, BatchZipRequested)]


async def problem(client, headers=ANN):
    answer = await client.get(PATH, headers=headers)
    return answer.status_code, answer.json()["error_type"], answer.json()["message"]


async def test_it_is_asked_for_once_and_then_sent(client, done):
    for _ in range(2):
        answer = await client.get(PATH, headers=ANN)
        assert (answer.status_code, answer.json()["error_type"]) == (409, "conflict")
        assert answer.json()["message"] == "the ZIP is being built"
        assert answer.headers["retry-after"] == "2"
    assert done.sent == [(BuildBatchZip(batch_id="batch-x"), Caller("ann"))] * 2
    assert requests(done) == [1]
    sha256 = await build(done)
    answer = await client.get(PATH, headers=ANN)
    assert (answer.status_code, answer.content) == (200, ZIP)
    assert answer.headers["content-type"] == "application/zip"
    assert answer.headers["content-disposition"] == NAMED
    assert answer.headers["etag"] == f'"{sha256}"'
    assert answer.headers["cache-control"] == "private, no-cache"
    assert len(done.sent) == 2


async def test_a_name_of_which_nothing_can_stay_gives_way_to_the_id():
    deployment = Deployment()
    async with client_of(deployment) as client:
        body = {"batch_id": "batch-x", "batch_name": " ... ", "jobs": [job_body()]}
        await client.post("/batches", json=body, headers=ANN)
        await deployment.complete("job-x.1")
        await build(deployment)
        answer = await client.get(PATH, headers=ANN)
    assert answer.headers["content-disposition"] == 'attachment; filename="batch-x.zip"'


async def test_it_comes_in_parts_and_not_twice_like_any_other(client, done):
    tag = f'"{await build(done)}"'
    part = await client.get(PATH, headers={**ANN, "Range": "bytes=2000-", "If-Range": tag})
    assert (part.status_code, part.content) == (206, ZIP[2000:])
    assert (await client.get(PATH, headers={**ANN, "If-None-Match": tag})).status_code == 304
    head = await client.head(PATH, headers=ANN)
    assert (head.status_code, head.headers["content-length"]) == (200, str(len(ZIP)))
    outside = await client.get(PATH, headers={**ANN, "Range": "bytes=99999-"})
    assert outside.status_code == 416


async def test_a_reader_may_ask_and_a_stranger_may_not(client, done):
    assert (await problem(client, RITA))[:2] == (409, "conflict")
    for stranger in (EVE, {}):
        assert (await problem(client, stranger))[:2] == (403, "permission_denied")
    await build(done)
    assert (await client.get(PATH, headers=RITA)).status_code == 200
    assert (await client.get(PATH, headers=EVE)).status_code == 403


async def test_while_the_batch_runs_there_is_none(client, deployment):
    status, code, message = await problem(client)
    assert (status, code) == (409, "conflict")
    assert message == "batch batch-x is still running: wait until it ends, or pause it"
    await client.post("/batches/batch-x/toggle-active", json={"active": False}, headers=ANN)
    assert (await problem(client))[2] == "the ZIP is being built"
    await build(deployment)
    assert (await client.get(PATH, headers=ANN)).status_code == 200


async def test_where_nothing_is_completed_there_will_be_none(client, deployment):
    for job_id in ("job-x.1", "job-x.2"):
        await client.delete(f"/jobs/{job_id}", headers=ANN)
    assert (await problem(client))[:2] == (404, "not_found")
    answer = await client.get("/batches/none/download-archive", headers=ANN)
    assert (answer.status_code, answer.json()["error_type"]) == (404, "not_found")
    assert deployment.jobs_by_id == {}


async def test_a_deleted_jobs_files_are_never_sent(client, done):
    await build(done)
    before = done.batches_by_group["b-x"].content
    done.append("b-x", 2, JobDeleted(job_id="job-x.2", at=done.records[-1].event.at))
    assert (await problem(client))[2] == "the ZIP is being built"
    await build(done, content=before)  # it was being built when the job was deleted
    assert (await problem(client))[2] == "the ZIP is being built"
    await build(done)
    assert (await client.get(PATH, headers=ANN)).status_code == 200


async def test_a_failure_is_told_and_it_is_tried_again_but_not_at_once(client, done):
    await problem(client)
    done.append("b-x", None, zip_failed())
    reason = "the ZIP is being built, again: the last attempt failed: no answer within 10 s"
    assert await problem(client) == (409, "conflict", reason)
    assert requests(done) == [1]
    done.passed = timedelta(seconds=30)
    assert await problem(client) == (409, "conflict", reason)
    assert requests(done) == [1, 2]


async def test_a_zip_whose_bytes_are_gone_is_built_again(client, done):
    done.blobs.blobs.pop(await build(done))
    assert (await problem(client))[2] == "the ZIP is being built"
    await build(done)
    assert (await client.get(PATH, headers=ANN)).status_code == 200


async def test_the_history_says_nothing_of_it(client, done):
    before = (await client.get("/batches/batch-x/history", headers=ANN)).json()
    await problem(client)
    await build(done)
    assert (await client.get("/batches/batch-x/history", headers=ANN)).json() == before
