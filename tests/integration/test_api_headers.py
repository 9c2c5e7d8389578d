"""The headers that keep browsers from making more of an answer than it is, on every answer."""

import json
from contextlib import asynccontextmanager

import pytest
from bad_input import NO_HTTP
from fakes import QuietLog
from fakes_api import Deployment, job_body
from serving import BASE, exchange, request, serving

from eventjob.bus.errors import Poison
from eventjob.projection.store import StoreUnavailable
from eventjob.runtime.setting_types import Rate
from services.api.access.authenticate import KeyPolicy
from services.api.access.keys import KeyRing
from services.api.response.errors import STATUS
from services.api.routes import OPERATIONS

NOTHING = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
EXPECTED = {
    "content-security-policy": f"sandbox; {NOTHING}",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "deny",
}
JSON = "Content-Type: application/json"
FILES = [
    ("Ev/Tr/s/page.html", "text/html", b"<script>alert(1)</script>"),
    ("Ev/Tr/s/image.svg", "image/svg+xml", b"<svg onload='alert(1)'/>"),
    ("Ev/Tr/s/page.xhtml", "application/xhtml+xml", b"<html/>"),
    ("Ev/Tr/s/style.xsl", "text/xml", b"<a/>"),
    ("Ev/Tr/s/code.js", "text/javascript", b"alert(1)"),
    ("Ev/Tr/s/paper.pdf", "application/pdf", b"%PDF-"),
]
MAY_RUN = {path for path, _, _ in FILES if not path.endswith(".pdf")}


def post(path, body, *headers):
    data = json.dumps(body).encode()
    sized = f"Content-Length: {len(data)}"
    return request("POST", f"{BASE}{path}", JSON, sized, *headers, body=data)


def check(answer, policy=None):
    _, headers, _ = answer
    assert {name: headers.get(name) for name in EXPECTED} == EXPECTED | (
        {} if policy is None else {"content-security-policy": policy}
    )


@asynccontextmanager
async def filled(**options):
    """A server with a job that is done, ``j``, and a batch that is not, ``b``."""
    deployment = Deployment()
    async with serving(deployment, **options) as (port, _log, _stop):
        made = await exchange(
            port,
            post("/jobs", job_body(job_id="j")),
            post("/batches", {"jobs": [job_body()], "batch_id": "b"}),
        )
        assert [status for status, _, _ in made] == [201, 201]
        await deployment.complete("j", *FILES)
        yield deployment, port


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda o: f"{o.method} {o.path}")
async def test_every_operation(operation):
    path = operation.path.replace("{job_id}", "j").replace("{batch_id}", "b")
    path = path.replace("{path:path}", "j/Ev/Tr/s.md")
    sent = {"JobBody": job_body(), "BatchBody": {"jobs": [job_body()]}}
    kind = getattr(operation.body, "__name__", "")
    body = json.dumps(sent[kind]).encode() if kind in sent else b""
    headers = (JSON, f"Content-Length: {len(body)}")
    async with filled() as (_, port):
        methods = sorted(operation.methods, reverse=True)
        answers = await exchange(port, *(request(m, path, *headers, body=body) for m in methods))
    for status, found, data in answers:
        building = operation.path.endswith("{batch_id}/download-archive")
        assert status == (409 if building else operation.status)
        docs = operation.path == "/docs"
        check((status, found, data), found["content-security-policy"] if docs else None)
        assert found["content-security-policy"].removeprefix("sandbox; ").startswith(NOTHING)
        if path.startswith(BASE):
            assert found["cache-control"] == "private, no-cache"
            assert found["vary"] == "x-user-id, authorization"


@pytest.mark.parametrize(("path", "media_type", "data"), FILES)
async def test_a_hostile_file_is_not_run(path, media_type, data):
    where = f"{BASE}/files/j/{path}"
    async with filled() as (_, port):
        (whole,) = await exchange(port, request("GET", where))
        tag = whole[1]["etag"]
        others = await exchange(
            port,
            request("HEAD", where),
            request("GET", where, f"If-None-Match: {tag}"),
            request("GET", where, "Range: bytes=0-1"),
        )
    assert (whole[0], whole[1]["content-type"], whole[2]) == (200, media_type, data)
    assert [status for status, _, _ in others] == [200, 304, 206]
    for answer in (whole, *others):
        check(answer)
    for _, headers, _ in (whole, others[0], others[2]):
        kind = "attachment" if path in MAY_RUN else "inline"
        assert headers["content-disposition"].startswith(f"{kind}; filename=")


class Broken(Deployment):
    """A store with a bug."""

    async def job(self, _job_id):
        raise RuntimeError("a bug")


class Lost(Deployment):
    """A log of which a part is gone."""

    async def read(self, _group, _n=None):
        raise Poison("the exported events of b: gone")


class Away(Deployment):
    """A store that does not answer."""

    async def job(self, _job_id):
        raise StoreUnavailable("away")


GET_JOB = request("GET", f"{BASE}/jobs/j")
TWICE = ("Idempotency-Key: k",)
# code: the deployment, the server's options, and the requests, of which the last gets the error
ERRORS = {
    "validation_error": (Deployment, {}, [request("GET", f"{BASE}/jobs?limit=x")]),
    "unauthenticated": (Deployment, {"usual": Rate(9, 1)}, [post("/jobs", job_body())]),
    "permission_denied": (Deployment, {}, [post("/jobs", job_body(), "Origin: http://evil")]),
    "not_found": (Deployment, {}, [request("GET", "/nothing")]),
    "method_not_allowed": (Deployment, {}, [request("PUT", f"{BASE}/jobs")]),
    "conflict": (
        Deployment,
        {},
        [post("/jobs", job_body(job_id="a")), post("/jobs", job_body(job_id="a"))],
    ),
    "payload_too_large": (Deployment, {"max_body_bytes": 9}, [post("/jobs", job_body())]),
    "unsupported_media_type": (
        Deployment,
        {},
        [request("POST", f"{BASE}/jobs", "Content-Length: 2", body=b"{}")],
    ),
    "idempotency_mismatch": (
        Deployment,
        {},
        [post("/jobs", job_body(), *TWICE), post("/jobs", job_body(job_name="x"), *TWICE)],
    ),
    "rate_limited": (Deployment, {"usual": Rate(1, 60)}, [GET_JOB, GET_JOB]),
    "internal": (Broken, {}, [GET_JOB]),
    "history_lost": (
        Lost,
        {},
        [post("/jobs", job_body(job_id="j")), request("GET", f"{BASE}/jobs/j/history")],
    ),
    "unavailable": (Away, {}, [GET_JOB]),
    "storage_full": (Deployment, {"free_bytes": 0}, [post("/jobs", job_body())]),
}


def test_every_error_is_there():
    assert {*ERRORS, "range_not_satisfiable"} == set(STATUS)


@pytest.mark.parametrize("code", ERRORS)
async def test_every_error(tmp_path, code):
    kind, options, requests = ERRORS[code]
    if "usual" in options:
        (tmp_path / "keys").touch(0o600)
        ring = KeyRing(tmp_path / "keys", QuietLog())
        options = {"key_policy": KeyPolicy(ring, options["usual"])}
    async with serving(kind(), **options) as (port, _log, _stop):
        *_, answer = await exchange(port, *requests)
    assert (answer[0], json.loads(answer[2])["error_type"]) == (STATUS[code], code)
    check(answer)


async def test_a_part_that_is_not_there():
    async with filled() as (_, port):
        where = f"{BASE}/jobs/j/download-archive"
        (answer,) = await exchange(port, request("GET", where, "Range: bytes=99999-"))
    assert answer[0] == 416
    check(answer)


@pytest.mark.parametrize("name", NO_HTTP)
async def test_what_the_protocol_itself_refuses(name):
    async with serving(Deployment()) as (port, _log, _stop):
        (answer,) = await exchange(port, NO_HTTP[name])
    assert answer[0] in {400, 404, 405}
    check(answer)
