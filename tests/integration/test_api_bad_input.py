"""What a request must not look like, and the one shape in which that is said."""

import json

import pytest
from fakes_api import Deployment, client_of, job_body, parameters

JSON = {"Content-Type": "application/json"}


@pytest.fixture
def deployment():
    return Deployment()


@pytest.fixture
async def client(deployment):
    async with client_of(deployment, max_body_bytes=4096) as client:
        yield client


def check_error(answer, status, error_type):
    body = answer.json()
    assert (answer.status_code, body["status"], body["error_type"]) == (status, "error", error_type)
    assert set(body) <= {"status", "error_type", "message", "details"}
    assert body["message"]
    assert "Traceback" not in answer.text
    return body


@pytest.mark.parametrize("path", ["/jobs", "/batches"])
@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"{", id="half"),
        pytest.param(b"{} x", id="more than JSON"),
        pytest.param(b"[1]", id="a list"),
        pytest.param(b"null", id="null"),
        pytest.param(b'"text"', id="text"),
        pytest.param(b'{"a":NaN}', id="NaN"),
        pytest.param(b'{"a":Infinity}', id="Infinity"),
        pytest.param(b'{"a":1e999}', id="a number out of range"),
        pytest.param(b"\xef\xbb\xbf{}", id="a byte order mark"),
        pytest.param(b'{"a":"\xff"}', id="no UTF-8"),
        pytest.param(b'{"a":"\\ud800"}', id="a lone surrogate"),
        pytest.param(b'{"a":"\\udc00"}', id="a lone low surrogate"),
        pytest.param(b'{"\\ud800":1}', id="a lone surrogate in a name"),
        pytest.param(b'{"a":"\x00"}', id="a raw control character"),
        pytest.param(b"[" * 4000, id="deep nesting"),
        pytest.param(b'{"a":' * 600 + b"1" + b"}" * 600, id="deep nesting of objects"),
    ],
)
async def test_a_body_is_json(client, path, content):
    answer = await client.post(path, content=content, headers=JSON)
    check_error(answer, 400, "validation_error")


@pytest.mark.parametrize(
    ("media_type", "status"),
    [
        ("application/json", 201),
        ("application/json; charset=UTF-8", 201),
        ("Application/JSON", 201),
        ("application/vnd.api+json", 201),
        ('application/json; charset="utf-8"', 201),
        ("application/json; charset*=utf-8; charset*0=x", 201),
        ("application/json; charset*" + "9" * 5000 + "=x", 201),
        ("application/json; charset=latin-1", 415),
        ("application/json; charset", 415),
        ("application/json, text/plain", 415),
        ("text/plain", 415),
        ("application/x-www-form-urlencoded", 415),
        ("multipart/form-data; boundary=x", 415),
        ("nonsense", 415),
        (None, 415),
    ],
)
async def test_a_body_says_that_it_is_json(client, media_type, status):
    headers = {} if media_type is None else {"Content-Type": media_type}
    content = json.dumps(job_body()).encode()
    answer = await client.post("/jobs", content=content, headers=headers)
    assert answer.status_code == status
    if status != 201:
        check_error(answer, 415, "unsupported_media_type")


async def test_every_wrong_field_is_in_the_details(client):
    sent = {"jobs": [job_body(), job_body(parameters=parameters(url="x", event=""))]}
    body = check_error(await client.post("/batches", json=sent), 400, "validation_error")
    fields = [detail["field"] for detail in body["details"]]
    assert fields == ["jobs[1].parameters.event", "jobs[1].parameters.url"]
    assert "jobs[1].parameters.event" in body["message"]


async def test_an_own_id_does_not_go_with_a_batch(client):
    answer = await client.post("/jobs", json=job_body(job_id="a", batch_id="b"))
    body = check_error(answer, 400, "validation_error")
    assert [detail["field"] for detail in body["details"]] == ["job_id"]


@pytest.mark.parametrize(
    "path", ["/jobs", "/batches", "/batches/x/archive", "/batches/x/toggle-active"]
)
async def test_a_body_has_a_largest_size(client, path):
    async def unannounced():
        for _ in range(5):
            yield b'{"a": "' + b" " * 1000

    for content in (b" " * 4097, unannounced()):
        answer = await client.post(path, content=content, headers=JSON)
        check_error(answer, 413, "payload_too_large")


@pytest.mark.parametrize(
    ("path", "field", "query"),
    [
        *(
            (path, query.split("=", maxsplit=1)[0], query)
            for path in ("/jobs", "/batches")
            for query in (
                "status=done",
                "status=",
                "status=pending&status=failed",
                "limit=-1",
                "limit=1001",
                "limit=ten",
                "limit=1.0",
                "limit=",
                "limit=٣",
                "limit=99999999999999999999",
                "skip=-1",
                "skip=2147483649",
                "sort=job_id",
                "order=up",
                "user_id=",
                "user_id=%2A",
                "user_id=a%00b",
                "cursor=abc",
            )
        ),
        ("/jobs", "batch_id", "batch_id=a.b"),
        *(
            (path, "as_of", f"as_of={sent}")
            for path in ("/jobs/x", "/batches/x")
            for sent in (
                "",
                "-1",
                "1.0",
                "now",
                "٣",
                "1" * 20,
                "3&as_of=3",
                "0001-01-01T00:00:00%2B14:00",
                "2030-02-01",
                "2030-02-01T09:30:00",
                "2030-02-30T09:30:00Z",
                "2030-02-01T09:30:00+01:00",
            )
        ),
        ("/batches", "archived", "archived=1"),
        ("/batches", "archived", "archived=maybe"),
    ],
)
async def test_a_wrong_parameter_is_named(client, path, field, query):
    body = check_error(await client.get(f"{path}?{query}"), 400, "validation_error")
    assert {detail["field"] for detail in body["details"]} == {field}


async def test_all_wrong_parameters_are_named(client):
    body = check_error(await client.get("/jobs?limit=x&skip=x&q=1"), 400, "validation_error")
    assert [detail["field"] for detail in body["details"]] == ["limit", "skip"]


async def test_an_unknown_parameter_is_ignored(client):
    assert (await client.get("/jobs?colour=red&archived=perhaps")).status_code == 200


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("X-User-ID", [""]),
        ("X-User-ID", ["*"]),
        ("X-User-ID", ["a" * 129]),
        ("X-User-ID", ["a\tb"]),
        ("X-User-ID", ["a\x7fb"]),
        ("X-User-ID", ["ann", "eve"]),
        ("Idempotency-Key", [""]),
        ("Idempotency-Key", ["k" * 256]),
        ("Idempotency-Key", ["a", "b"]),
        ("X-Use-Cache", ["maybe"]),
    ],
)
async def test_a_wrong_header_is_named(client, name, values):
    headers = [(name, value) for value in values]
    answer = await client.post("/jobs", json=job_body(), headers=headers)
    body = check_error(answer, 400, "validation_error")
    assert [detail["field"] for detail in body["details"]] == [name]


@pytest.mark.parametrize("raw", ["jürgen".encode(), "jürgen".encode("latin-1")])
async def test_a_user_may_have_any_letters(client, raw):
    answer = await client.post("/jobs", json=job_body(), headers=[(b"X-User-ID", raw)])
    assert answer.json()["job"]["user_id"] == "jürgen"


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("PUT", "/jobs", "GET, HEAD, POST"),
        ("POST", "/jobs/x", "DELETE, GET, HEAD"),
        ("DELETE", "/batches", "GET, HEAD, POST"),
        ("PATCH", "/batches/x", "DELETE, GET, HEAD"),
        ("GET", "/x/restart", "POST"),
        ("OPTIONS", "/batches/x/archive", "POST"),
        ("POST", "/files/x/y", "GET, HEAD"),
        ("BREW", "/jobs", "GET, HEAD, POST"),
    ],
)
async def test_a_wrong_method_is_told_the_right_ones(client, method, path, allow):
    answer = await client.request(method, path)
    check_error(answer, 405, "method_not_allowed")
    assert answer.headers["allow"] == allow


@pytest.mark.parametrize(
    "path", ["", "/", "/nothing", "/jobs/", "/batches/x/", "/batches/x/download-archive"]
)
async def test_there_is_nothing_elsewhere(client, path):
    check_error(await client.get(path), 404, "not_found")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://127.0.0.1:5001"}, 403),
        ({"Origin": "http://127.0.0.1:5000"}, 201),
        ({}, 201),
    ],
)
async def test_a_foreign_page_changes_nothing(client, deployment, headers, status):
    answer = await client.post("/jobs", json=job_body(), headers=headers)
    assert answer.status_code == status
    assert len(deployment.sent) == (status == 201)
    assert (await client.get("/jobs", headers=headers)).status_code == 200


async def test_a_rebound_name_reads_nothing(client):
    answer = await client.get("/jobs", headers={"Host": "evil.example"})
    check_error(answer, 403, "permission_denied")
