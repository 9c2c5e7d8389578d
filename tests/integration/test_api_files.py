"""Files and ZIPs over HTTP."""

import pytest
from fakes_api import Deployment, as_user, client_of, job_body

ANN = as_user("ann")
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


@pytest.fixture
async def deployment():
    deployment = Deployment()
    async with client_of(deployment) as client:
        await client.post("/jobs", json=job_body(job_id="j"), headers=ANN)
        await client.post("/jobs", json=job_body(job_id="waiting"), headers=ANN)
    await deployment.complete("j", *FILES)
    return deployment


@pytest.fixture
async def client(deployment):
    async with client_of(deployment) as client:
        yield client


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
    answer = await client.get(f"/files/j/{path}", headers=ANN)
    assert (answer.status_code, answer.content) == (200, content)
    assert answer.headers["content-type"] == media_type
    assert answer.headers["content-disposition"].startswith(f"{disposition}; filename=")
    assert answer.headers["content-length"] == str(len(content))
    assert answer.headers["content-security-policy"].startswith("sandbox; default-src 'none';")
    assert answer.headers["x-content-type-options"] == "nosniff"
    head = await client.head(f"/files/j/{path}", headers=ANN)
    assert head.headers["content-length"] == str(len(content))
    assert head.headers["etag"] == answer.headers["etag"]


@pytest.mark.parametrize(
    "path",
    [
        "",
        "j",
        "j/",
        "j/Ev/Tr",
        "j/Ev/Tr/s.md/",
        "j//Ev/Tr/s.md",
        "j/Ev/%2e%2e/Ev/Tr/s.md",
        "j/..%2f..%2fetc/passwd",
        "j/%00",
        "j/Ev/Tr/s.md%00",
        "k/Ev/Tr/s.md",
        "waiting/Ev/Tr/s.md",
    ],
)
async def test_only_an_exact_path_finds_a_file(client, path):
    request = client.build_request("GET", "/", headers=ANN)
    request.url = request.url.copy_with(raw_path=f"/api/event-job/files/{path}".encode())
    answer = await client.send(request)
    assert (answer.status_code, answer.json()["error_type"]) == (404, "not_found")


async def test_an_archive_is_sent_as_a_zip(client, deployment):
    answer = await client.get("/jobs/j/download-archive", headers=ANN)
    assert (answer.status_code, answer.content) == (200, ZIP)
    assert answer.headers["content-type"] == "application/zip"
    assert answer.headers["content-disposition"] == 'attachment; filename="s.zip"'
    archive = deployment.jobs_by_id["j"].archive
    assert answer.headers["etag"] == f'"{archive.sha256}"'


@pytest.mark.parametrize(
    ("sent", "part", "place"),
    [
        ("bytes=0-99", ZIP[:100], "bytes 0-99/2050"),
        ("bytes=2000-", ZIP[2000:], "bytes 2000-2049/2050"),
        ("bytes=-5", ZIP[-5:], "bytes 2045-2049/2050"),
    ],
    ids=["its beginning", "from some place on", "its end"],
)
async def test_a_part_of_an_archive_is_sent(client, sent, part, place):
    answer = await client.get("/jobs/j/download-archive", headers={**ANN, "Range": sent})
    assert (answer.status_code, answer.content) == (206, part)
    assert answer.headers["content-range"] == place


async def test_a_part_outside_cannot_be_had(client):
    headers = {**ANN, "Range": "bytes=99999-"}
    answer = await client.get("/jobs/j/download-archive", headers=headers)
    assert (answer.status_code, answer.json()["error_type"]) == (416, "range_not_satisfiable")
    assert answer.headers["content-range"] == f"bytes */{len(ZIP)}"


async def test_a_part_is_only_sent_of_what_the_client_knows(client):
    path = "/jobs/j/download-archive"
    tag = (await client.head(path, headers=ANN)).headers["etag"]
    for known, status in [(tag, 206), ('"other"', 200), (f"W/{tag}", 200)]:
        headers = {**ANN, "Range": "bytes=0-9", "If-Range": known}
        assert (await client.get(path, headers=headers)).status_code == status


async def test_what_the_client_has_is_not_sent_again(client):
    for path in ("/jobs/j/download-archive", "/files/j/Ev/Tr/s.md"):
        tag = (await client.get(path, headers=ANN)).headers["etag"]
        answer = await client.get(path, headers={**ANN, "If-None-Match": tag, "Range": "bytes=0-1"})
        assert (answer.status_code, answer.content) == (304, b"")
        assert "private" in answer.headers["cache-control"]


async def test_a_blob_that_is_gone_is_not_found(client, deployment):
    deployment.blobs.blobs.clear()
    for path in ("/jobs/j/download-archive", "/files/j/Ev/Tr/s.md"):
        assert (await client.get(path, headers=ANN)).status_code == 404


async def test_a_job_whose_artifacts_are_gone_says_so(client, deployment):
    deployment.blobs.blobs.clear()
    answer = await client.get("/jobs/j", headers=ANN)
    assert (answer.status_code, answer.json()["error_type"]) == (503, "unavailable")
