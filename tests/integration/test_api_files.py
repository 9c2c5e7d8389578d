"""Files and ZIPs over HTTP, of jobs and of batches."""

from datetime import timedelta

import pytest
from api_client import client_of
from builders import zip_failed
from fakes_api import as_user

from eventjob.contracts.commands import BuildBatchZip
from eventjob.contracts.events import BatchZipRequested, JobDeleted
from eventjob.domain.access import Caller

FILES = [
    ("Ev/Tr/s/Größe 100% #1?.pdf", "application/pdf", b"%PDF-"),
    ("Ev/Tr/s/image.png", "image/png", b"png"),
    ("Ev/Tr/s/image.svg", "image/svg+xml", b"<svg/>"),
    ("Ev/Tr/s/page.html", "text/html", b"<script>"),
    ("Ev/Tr/s/note.txt", "text/plain", b"text"),
    ("Ev/Tr/s/odd", "text/html\r\nX-Evil: 1", b"odd"),
    ("Ev/Tr/s/empty.txt", "text/plain", b""),
]
ZIP = b"PK" + bytes(range(256)) * 8
OF_JOB, OF_BATCH = "/jobs/j/download-archive", "/batches/batch-x/download-archive"
NAMED = """attachment; filename="Talks- 50_-day.zip"; filename*=UTF-8''Talks-%2050%25-day.zip"""
BUILDING = "the ZIP is being built"


@pytest.fixture
async def done(client, deployment):
    """A job with all kinds of files, and one that waits."""
    await client.new_job("j")
    await client.new_job("waiting")
    await deployment.complete("j", *FILES)


@pytest.mark.usefixtures("done")
@pytest.mark.parametrize(
    ("path", "content", "media_type", "disposition"),
    [
        ("Ev/Tr/s.md", "# Größe 🎉\n".encode(), "text/markdown; charset=utf-8", "attachment"),
        ("Ev/Tr/s/Gr%C3%B6%C3%9Fe%20100%25%20%231%3F.pdf", b"%PDF-", "application/pdf", "inline"),
        ("Ev/Tr/s/image.png", b"png", "image/png", "inline"),
        ("Ev/Tr/s/image.svg", b"<svg/>", "image/svg+xml", "attachment"),
        ("Ev/Tr/s/page.html", b"<script>", "text/html", "attachment"),
        ("Ev/Tr/s/note.txt", b"text", "text/plain", "inline"),
        ("Ev/Tr/s/odd", b"odd", "application/octet-stream", "attachment"),
        ("Ev/Tr/s/empty.txt", b"", "text/plain", "inline"),
    ],
)
async def test_a_file_is_sent_as_what_it_is(client, path, content, media_type, disposition):
    answer = await client.get(f"/files/j/{path}")
    assert (answer.status_code, answer.content) == (200, content)
    assert answer.headers["content-type"] == media_type
    assert answer.headers["content-disposition"].startswith(f"{disposition}; filename=")
    assert answer.headers["content-length"] == str(len(content))
    assert answer.headers["content-security-policy"].startswith("sandbox; default-src 'none';")
    assert answer.headers["x-content-type-options"] == "nosniff"
    head = await client.head(f"/files/j/{path}")
    assert head.headers["content-length"] == str(len(content))
    assert head.headers["etag"] == answer.headers["etag"]


@pytest.mark.usefixtures("done")
async def test_only_an_exact_path_finds_a_file(client):
    for path in (
        *("", "j", "j/", "j/Ev/Tr", "j/Ev/Tr/s.md/", "j//Ev/Tr/s.md", "j/Ev/%2e%2e/Ev/Tr/s.md"),
        *("j/..%2f..%2fetc/passwd", "j/%00", "j/Ev/Tr/s.md%00", "k/Ev/Tr/s.md"),
        "waiting/Ev/Tr/s.md",
    ):
        request = client.build_request("GET", "/")
        request.url = request.url.copy_with(raw_path=f"/api/event-job/files/{path}".encode())
        answer = await client.send(request)
        assert (answer.status_code, answer.json()["error_type"]) == (404, "not_found"), path


@pytest.mark.usefixtures("done")
async def test_an_archive_is_sent_as_a_zip_and_in_parts(client, deployment):
    answer = await client.get(OF_JOB)
    assert (answer.status_code, answer.content) == (200, ZIP)
    assert answer.headers["content-type"] == "application/zip"
    assert answer.headers["content-disposition"] == 'attachment; filename="s.zip"'
    tag = answer.headers["etag"]
    assert tag == f'"{deployment.jobs_by_id["j"].archive.sha256}"'
    for sent, part, place in [
        ("bytes=0-99", ZIP[:100], "bytes 0-99/2050"),
        ("bytes=2000-", ZIP[2000:], "bytes 2000-2049/2050"),
        ("bytes=-5", ZIP[-5:], "bytes 2045-2049/2050"),
    ]:
        answer = await client.get(OF_JOB, headers={"Range": sent})
        assert (answer.status_code, answer.content) == (206, part)
        assert answer.headers["content-range"] == place
    answer = await client.get(OF_JOB, headers={"Range": "bytes=99999-"})
    assert (answer.status_code, answer.json()["error_type"]) == (416, "range_not_satisfiable")
    assert answer.headers["content-range"] == f"bytes */{len(ZIP)}"
    for known, status in [(tag, 206), ('"other"', 200), (f"W/{tag}", 200)]:
        headers = {"Range": "bytes=0-9", "If-Range": known}
        assert (await client.get(OF_JOB, headers=headers)).status_code == status


@pytest.mark.usefixtures("done")
async def test_what_the_client_has_is_not_sent_again_and_what_is_gone_not_found(client, deployment):
    for path in (OF_JOB, "/files/j/Ev/Tr/s.md"):
        tag = (await client.get(path)).headers["etag"]
        answer = await client.get(path, headers={"If-None-Match": tag, "Range": "bytes=0-1"})
        assert (answer.status_code, answer.content) == (304, b"")
        assert "private" in answer.headers["cache-control"]
    deployment.blobs.blobs.clear()
    for path in (OF_JOB, "/files/j/Ev/Tr/s.md"):
        await client.got(path, 404)
    assert (await client.got("/jobs/j", 503))["error_type"] == "unavailable"


@pytest.fixture
async def half(client, deployment):
    """A batch of two jobs, of which the first is completed."""
    access = {"read_access": ["rita"]}
    await client.new_batch("batch-x", 2, batch_name="Talks: 50%/day", access_control=access)
    await deployment.complete("job-x.1")
    deployment.sent.clear()
    return deployment


@pytest.fixture
async def whole(half):
    await half.complete("job-x.2")
    return half


def requests(deployment):
    """The attempts that were asked for."""
    events = (record.event for record in deployment.records)
    return [event.attempt for event in events if isinstance(event, BatchZipRequested)]


async def problem(client, status=409, user="ann"):
    body = await client.got(OF_BATCH, status, user=user)
    assert (
        body["error_type"] == {403: "permission_denied", 404: "not_found", 409: "conflict"}[status]
    )
    return body["message"]


async def test_the_zip_of_a_batch_is_asked_for_once_and_then_sent(client, whole):
    before = await client.got("/batches/batch-x/history")
    for _ in range(2):
        answer = await client.get(OF_BATCH)
        assert (answer.status_code, answer.json()["message"]) == (409, BUILDING)
        assert answer.headers["retry-after"] == "2"
    assert whole.sent == [(BuildBatchZip(batch_id="batch-x"), Caller("ann"))] * 2
    assert requests(whole) == [1]
    tag = f'"{await whole.pack("b-x", ZIP)}"'
    answer = await client.get(OF_BATCH)
    assert (answer.status_code, answer.content) == (200, ZIP)
    assert answer.headers["content-type"] == "application/zip"
    assert answer.headers["content-disposition"] == NAMED
    assert answer.headers["etag"] == tag
    assert answer.headers["cache-control"] == "private, no-cache"
    assert len(whole.sent) == 2
    part = await client.get(OF_BATCH, headers={"Range": "bytes=2000-", "If-Range": tag})
    assert (part.status_code, part.content) == (206, ZIP[2000:])
    assert (await client.get(OF_BATCH, headers={"If-None-Match": tag})).status_code == 304
    head = await client.head(OF_BATCH)
    assert (head.status_code, head.headers["content-length"]) == (200, str(len(ZIP)))
    assert (await client.get(OF_BATCH, headers={"Range": "bytes=99999-"})).status_code == 416
    assert await client.got("/batches/batch-x/history") == before  # it says nothing of it


async def test_a_name_of_which_nothing_can_stay_gives_way_to_the_id(client, deployment):
    await client.new_batch("batch-x", batch_name=" ... ")
    await deployment.complete("job-x.1")
    await deployment.pack("b-x", ZIP)
    answer = await client.get(OF_BATCH)
    assert answer.headers["content-disposition"] == 'attachment; filename="batch-x.zip"'


async def test_a_reader_may_ask_and_a_stranger_may_not(whole):
    async with client_of(whole) as client:
        await problem(client, 409, "rita")
        for stranger in ("eve", None):
            await problem(client, 403, stranger)
        await whole.pack("b-x", ZIP)
        assert (await client.get(OF_BATCH, headers=as_user("rita"))).status_code == 200
        await problem(client, 403, "eve")


async def test_while_the_batch_runs_there_is_none(client, half):
    assert (
        await problem(client) == "batch batch-x is still running: wait until it ends, or pause it"
    )
    await client.sent("/batches/batch-x/toggle-active", {"active": False})
    assert await problem(client) == BUILDING
    await half.pack("b-x", ZIP)
    assert (await client.get(OF_BATCH)).status_code == 200


@pytest.mark.usefixtures("half")
async def test_where_nothing_is_completed_there_will_be_none(client, deployment):
    for job_id in ("job-x.1", "job-x.2"):
        await client.deleted(f"/jobs/{job_id}")
    await problem(client, 404)
    assert (await client.got("/batches/none/download-archive", 404))["error_type"] == "not_found"
    assert deployment.jobs_by_id == {}


async def test_a_deleted_jobs_files_are_never_sent(client, whole):
    await whole.pack("b-x", ZIP)
    before = whole.batches_by_group["b-x"].content
    whole.append("b-x", 2, JobDeleted(job_id="job-x.2", at=whole.records[-1].event.at))
    assert await problem(client) == BUILDING
    await whole.pack("b-x", ZIP, content=before)  # it was being built when the job was deleted
    assert await problem(client) == BUILDING
    sha256 = await whole.pack("b-x", ZIP)
    assert (await client.get(OF_BATCH)).status_code == 200
    whole.blobs.blobs.pop(sha256)  # nor is a ZIP whose bytes are gone
    assert await problem(client) == BUILDING
    await whole.pack("b-x", ZIP)
    assert (await client.get(OF_BATCH)).status_code == 200


async def test_a_failure_is_told_and_it_is_tried_again_but_not_at_once(client, whole):
    await problem(client)
    whole.append("b-x", None, zip_failed())
    reason = f"{BUILDING}, again: the last attempt failed: no answer within 10 s"
    assert await problem(client) == reason
    assert requests(whole) == [1]
    whole.passed = timedelta(seconds=30)
    assert await problem(client) == reason
    assert requests(whole) == [1, 2]
