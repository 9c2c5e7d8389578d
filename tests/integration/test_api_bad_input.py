"""What a request must not look like: refused in one shape, and nothing of it is stored."""

import json
import re

import pytest
from api_client import client_of
from bad_input import (
    ALONE,
    BATCH,
    IN_A_JOB,
    NO_FILES,
    NO_FILTERS,
    NO_HEADERS,
    NO_JSON,
    NO_PATHS,
    NO_QUERIES,
    ODD,
    PARAMETERS,
    job,
)
from fakes_api import SITE, Deployment, job_body, parameters
from raw_http import BASE, asked, head, with_body

SECRETS = re.compile(rb"Traceback|site-packages|\.py\b|/tmp/|/home/|sqlite|nats", re.IGNORECASE)
OBJECTS = [
    ("GET", "/jobs/{}"),
    ("DELETE", "/jobs/{}"),
    ("GET", "/jobs/{}/history"),
    ("GET", "/jobs/{}/download-archive"),
    ("POST", "/jobs/{}/restart"),
    ("POST", "/{}/restart"),
    ("GET", "/batches/{}"),
    ("DELETE", "/batches/{}"),
    ("POST", "/batches/{}/archive"),
    ("POST", "/batches/{}/toggle-active"),
    ("GET", "/batches/{}/history"),
    ("GET", "/batches/{}/download-archive"),
    ("GET", "/files/{}"),
]


class Refusals:
    """Sends what must be refused, and collects what was not."""

    def __init__(self, client, deployment):
        self.client, self.deployment = client, deployment
        self.wrong = []

    async def expect(self, sent, status=400, code="validation_error", field=None):
        """The one shape, with the field, if any, among the details."""
        answer = await asked(self.client, sent)
        body = answer.json
        named = {re.sub(r"\[[^]]*\]$", "", d["field"]) for d in body.get("details", ())}
        is_right = (
            (answer.status, body["status"], body["error_type"]) == (status, "error", code)
            and set(body) <= {"status", "error_type", "message", "details"}
            and body["message"]
            and answer.headers["content-type"] == "application/json"
            and not SECRETS.search(answer.data)
            and (field is None or field in named)
        )
        if not is_right:
            self.wrong.append((sent[:300], field, answer.status, body))
        return answer


@pytest.fixture
async def refused():
    deployment = Deployment()
    async with client_of(deployment) as client:
        refusals = Refusals(client, deployment)
        yield refusals.expect
    assert refusals.wrong == []
    assert deployment.records == []
    assert deployment.blobs.blobs == {}


@pytest.fixture
async def client():
    async with client_of(Deployment()) as client:
        yield client


def cases(table):
    return [(where, value) for where, values in table.items() for value in values]


async def test_a_wrong_field_is_named_in_a_job_in_a_batch_and_of_a_batch(refused):
    for where, value in cases(IN_A_JOB | ALONE):
        await refused(with_body("POST", "/jobs", job(where, value)), field=where)
    for where, value in cases(IN_A_JOB):
        sent = {"jobs": [job(), job(where, value)]}
        await refused(with_body("POST", "/batches", sent), field=f"jobs[1].{where}")
    for where, value in cases(BATCH):
        sent = {"jobs": [job()], **job(where, value)}
        await refused(with_body("POST", "/batches", sent), field=where)


async def test_a_missing_field_is_named(refused):
    for missing in ("parameters", *PARAMETERS):
        sent = job()
        sent.pop(missing, None)
        sent.get("parameters", {}).pop(missing, None)
        where = missing if missing == "parameters" else f"parameters.{missing}"
        await refused(with_body("POST", "/jobs", sent), field=where)
        await refused(with_body("POST", "/batches", {"jobs": [sent]}), field=f"jobs[0].{where}")


async def test_every_wrong_field_is_in_the_details(refused):
    sent = {"jobs": [job_body(), job_body(parameters=parameters(url="x", event=""))]}
    answer = await refused(with_body("POST", "/batches", sent))
    fields = [detail["field"] for detail in answer.json["details"]]
    assert fields == ["jobs[1].parameters.event", "jobs[1].parameters.url"]
    assert "jobs[1].parameters.event" in answer.json["message"]
    own_id = with_body("POST", "/jobs", job_body(job_id="a", batch_id="b"))
    assert [d["field"] for d in (await refused(own_id)).json["details"]] == ["job_id"]


async def test_what_is_no_object_is_refused(refused):
    for path in ("/jobs", "/batches", "/batches/x/archive", "/batches/fail-all"):
        for name, body in NO_JSON.items():
            if name != "nothing" or path in {"/jobs", "/batches"}:
                await refused(with_body("POST", path, body))


async def test_no_text_holds_half_a_character(refused):
    for where in [w for w in IN_A_JOB if w != "parameters"] + ["job_id", "new"]:
        for text in ("\\ud800", "\\udc00", "a\\ud800b", "\\udc00\\ud800"):
            for value in (text, [text], {text: text}):
                sent = json.dumps(job(where, value)).replace("\\\\", "\\").encode()
                await refused(with_body("POST", "/jobs", sent))
                await refused(with_body("POST", "/batches", b'{"jobs":[' + sent + b"]}"))


async def test_a_wrong_switch_is_named(refused):
    for path, field, value in [
        ("/batches/x/toggle-active", "active", "yes"),
        ("/batches/x/toggle-active", "active", 1),
        ("/batches/x/archive", "archived", 0),
        ("/batches/fail-all", "dry_run", "true"),
    ]:
        await refused(with_body("POST", path, {field: value}), field=field)


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
        ("application/json; charset=utf-16", 415),
        ("application/json; charset", 415),
        ("application/json, text/plain", 415),
        ("text/plain", 415),
        ("application/x-www-form-urlencoded", 415),
        ("multipart/form-data; boundary=x", 415),
        ("nonsense", 415),
        ("", 415),
        (None, 415),
    ],
    ids=lambda value: str(value)[:60],
)
async def test_a_body_says_that_it_is_json(client, media_type, status):
    headers = {} if media_type is None else {"Content-Type": media_type}
    content = json.dumps(job_body()).encode()
    answer = await client.post("/jobs", content=content, headers=headers)
    assert answer.status_code == status
    assert status == 201 or answer.json()["error_type"] == "unsupported_media_type"


async def test_a_body_has_a_largest_size():
    async def unannounced():
        for _ in range(5):
            yield b'{"a": "' + b" " * 1000

    async with client_of(Deployment(), max_body_bytes=4096) as client:
        for path in ("/jobs", "/batches", "/batches/x/archive", "/batches/x/toggle-active"):
            for content in (b" " * 4097, unannounced()):
                headers = {"Content-Type": "application/json"}
                answer = await client.post(path, content=content, headers=headers)
                found = answer.status_code, answer.json()["error_type"]
                assert found == (413, "payload_too_large")


async def test_25000_jobs_are_too_many(refused):
    await refused(with_body("POST", "/batches", {"jobs": [job()] * 25_000}), field="jobs")


async def test_nothing_is_at_a_strange_address(refused):
    for name in NO_PATHS:
        for method, path in OBJECTS:
            await refused(head(method, path.format(name)), 404, "not_found")
    for inside in NO_FILES:
        for path in (f"/files/{inside}", f"/files/job-x.1/{inside}", f"/files/a/{inside}"):
            await refused(head("GET", path), 404, "not_found")
    for path in ("/jobs/", "/batches/", "/jobs/x/", "/batches/x/", "/nothing", "", "/", "//jobs"):
        await refused(head("GET", path), 404, "not_found")


async def test_a_wrong_parameter_is_named(refused):
    for name, value in cases(NO_QUERIES):
        for path in ("/jobs", "/batches"):
            await refused(head("GET", f"{path}?{name.strip()}={value}"), field=name.strip())
    for name in ("limit", "skip", "status", "sort", "order", "user_id", "cursor"):
        value = "pending" if name == "status" else "1"
        await refused(head("GET", f"/jobs?{name}={value}&{name}={value}"), field=name)
    for name, value in cases(NO_FILTERS):
        await refused(head("GET", f"{name}={value}"), field=name.partition("?")[2])
    answer = await refused(head("GET", "/jobs?limit=x&skip=x&q=1"))
    assert [detail["field"] for detail in answer.json["details"]] == ["limit", "skip"]


async def test_an_unknown_parameter_is_ignored(client):
    assert (await client.get("/jobs?colour=red&archived=perhaps")).status_code == 200


async def test_a_wrong_header_is_named(refused):
    for name, value in cases(NO_HEADERS):
        header = name.encode() + b": " + value
        await refused(with_body("POST", "/jobs", job(), header), field=name)
        await refused(with_body("POST", "/batches", {"jobs": [job()]}, header), field=name)


@pytest.mark.parametrize("raw", ["jürgen".encode(), "jürgen".encode("latin-1")])
async def test_a_user_may_have_any_letters(client, raw):
    answer = await client.post("/jobs", json=job_body(), headers=[(b"X-User-ID", raw)])
    assert answer.json()["job"]["user_id"] == "jürgen"


async def test_every_other_method_is_told_the_right_ones(refused, client):
    paths = (await client.get(f"{SITE}/openapi.json")).json()["paths"]
    del paths[f"{BASE.decode()}/batches/fail-all"]  # which may be a batch, too
    for path, operations in paths.items():
        right = {method.upper() for method in operations}
        right |= {"HEAD"} if "GET" in right else set()
        wrong = {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"} - right
        at = path.replace("{", "").replace("}", "").encode()
        for method in wrong:
            sent = b"%b %b HTTP/1.1\r\nHost: localhost\r\n\r\n" % (method.encode(), at)
            answer = await refused(sent, 405, "method_not_allowed")
            assert answer.headers["allow"] == ", ".join(sorted(right))


async def test_a_foreign_page_changes_nothing(refused, client):
    foreign = (
        "http://evil.example",
        "null",
        "http://localhost:1",
        "http://127.0.0.1:5001",
        "x",
        "",
    )
    for origin in (f"Origin: {name}" for name in foreign):
        for sent in (
            with_body("POST", "/jobs", job(), origin),
            with_body("POST", "/batches", {"jobs": [job()]}, origin),
            head("DELETE", "/jobs/x", origin),
        ):
            await refused(sent, 403, "permission_denied")
        assert (await asked(client, head("GET", "/jobs", origin))).status == 200
    for headers in ({"Origin": "http://127.0.0.1:5000"}, {}):
        answer = await client.post("/jobs", json=job_body(), headers=headers)
        assert answer.status_code == 201


async def test_an_unknown_host_is_not_answered_to(refused):
    for host in ("evil.example", "", "localhost.evil", "127.0.0.1@evil", "[::1"):
        await refused(head("GET", "/jobs", host=host), 403, "permission_denied")
        await refused(with_body("POST", "/jobs", job(), host=host), 403, "permission_denied")


async def test_what_is_only_odd_is_taken(client):
    for sent, shown in ODD.values():
        if b"chunked" in sent or b"HTTP/1.0" in sent:  # not without a socket
            continue
        answer = await asked(client, sent)
        assert answer.status == 201, answer
        made = answer.json["job"]
        assert made["status"] != "completed"
        for field, value in shown.items():
            assert (made[field] | value if isinstance(value, dict) else value) == made[field]
