"""The headers that keep browsers from making more of an answer than it is, on every answer."""

import json
from contextlib import asynccontextmanager

import pytest
from bad_input import NO_HTTP
from fakes import QuietLog
from fakes_api import Deployment, job_body
from raw_http import JSON
from serving import BASE, exchange, post, request, serving, statuses

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
FILES = [
    ("Ev/Tr/s/page.html", "text/html", b"<script>alert(1)</script>"),
    ("Ev/Tr/s/image.svg", "image/svg+xml", b"<svg onload='alert(1)'/>"),
    ("Ev/Tr/s/page.xhtml", "application/xhtml+xml", b"<html/>"),
    ("Ev/Tr/s/style.xsl", "text/xml", b"<a/>"),
    ("Ev/Tr/s/code.js", "text/javascript", b"alert(1)"),
    ("Ev/Tr/s/paper.pdf", "application/pdf", b"%PDF-"),
]


def check(answer, policy=None):
    _, headers, _ = answer
    own = {} if policy is None else {"content-security-policy": policy}
    assert {name: headers.get(name) for name in EXPECTED} == EXPECTED | own


@asynccontextmanager
async def filled():
    """The port of a server with a job that is done, ``j``, and a batch that is not, ``b``."""
    deployment = Deployment()
    async with serving(deployment) as (port, _log, _stop):
        job, batch = job_body(job_id="j"), {"jobs": [job_body()], "batch_id": "b"}
        assert await statuses(port, post("/jobs", job), post("/batches", batch)) == [201, 201]
        await deployment.complete("j", *FILES)
        yield port


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda o: f"{o.method} {o.path}")
async def test_every_operation(operation):
    path = operation.path.replace("{job_id}", "j").replace("{batch_id}", "b")
    path = path.replace("{path:path}", "j/Ev/Tr/s.md")
    bodies = {"JobBody": job_body(), "BatchBody": {"jobs": [job_body()]}}
    kind = getattr(operation.body, "__name__", "")
    body = json.dumps(bodies[kind]).encode() if kind in bodies else b""
    headers = (JSON, f"Content-Length: {len(body)}")
    async with filled() as port:
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


async def test_a_hostile_file_is_not_run():
    async with filled() as port:
        for path, media_type, data in FILES:
            where = f"{BASE}/files/j/{path}"
            (whole,) = await exchange(port, request("GET", where))
            known = f"If-None-Match: {whole[1]['etag']}"
            asked = (("HEAD",), ("GET", known), ("GET", "Range: bytes=0-1"))
            others = await exchange(port, *(request(m, where, *more) for m, *more in asked))
            assert (whole[0], whole[1]["content-type"], whole[2]) == (200, media_type, data)
            assert [status for status, _, _ in others] == [200, 304, 206]
            for answer in (whole, *others):
                check(answer)
            kind = "inline" if path.endswith(".pdf") else "attachment"
            for _, headers, _ in (whole, others[0], others[2]):
                assert headers["content-disposition"].startswith(f"{kind}; filename=")
        where = f"{BASE}/jobs/j/download-archive"
        (answer,) = await exchange(port, request("GET", where, "Range: bytes=99999-"))
        assert answer[0] == 416
        check(answer)


def raising(name, error):
    """A deployment of which a part does not work."""

    async def fail(*_args):
        raise error

    deployment = Deployment()
    setattr(deployment, name, fail)
    return deployment


GET_JOB = request("GET", f"{BASE}/jobs/j")
JOB, KEYED = post("/jobs", job_body(job_id="j")), "Idempotency-Key: k"
# code: the requests, of which the last gets the error; the server's options; what it is on
ERRORS = {
    "validation_error": ([request("GET", f"{BASE}/jobs?limit=x")],),
    "unauthenticated": ([post("/jobs", job_body())], {"usual": Rate(9, 1)}),
    "permission_denied": ([post("/jobs", job_body(), "Origin: http://evil")],),
    "not_found": ([request("GET", "/nothing")],),
    "method_not_allowed": ([request("PUT", f"{BASE}/jobs")],),
    "conflict": ([JOB, JOB],),
    "payload_too_large": ([JOB], {"max_body_bytes": 9}),
    "unsupported_media_type": ([request("POST", f"{BASE}/jobs", "Content-Length: 2", body=b"{}")],),
    "idempotency_mismatch": (
        [post("/jobs", job_body(), KEYED), post("/jobs", job_body(job_name="x"), KEYED)],
    ),
    "rate_limited": ([GET_JOB, GET_JOB], {"usual": Rate(1, 60)}),
    "internal": ([GET_JOB], {}, raising("job", RuntimeError("a bug"))),
    "history_lost": (
        [JOB, request("GET", f"{BASE}/jobs/j/history")],
        {},
        raising("read", Poison("the exported events of b: gone")),
    ),
    "unavailable": ([GET_JOB], {}, raising("job", StoreUnavailable("away"))),
    "storage_full": ([JOB], {"free_bytes": 0}),
}


def test_every_error_is_there():
    assert {*ERRORS, "range_not_satisfiable"} == set(STATUS)


@pytest.mark.parametrize("code", ERRORS)
async def test_every_error(tmp_path, code):
    requests, *more = ERRORS[code]
    options = dict(more[0]) if more else {}
    deployment = more[1] if more[1:] else None
    if "usual" in options:
        (tmp_path / "keys").touch(0o600)
        options = {
            "key_policy": KeyPolicy(KeyRing(tmp_path / "keys", QuietLog()), options["usual"])
        }
    async with serving(deployment, **options) as (port, _log, _stop):
        *_, answer = await exchange(port, *requests)
    assert (answer[0], json.loads(answer[2])["error_type"]) == (STATUS[code], code)
    check(answer)


async def test_what_the_protocol_itself_refuses():
    async with serving() as (port, _log, _stop):
        for sent in NO_HTTP.values():
            (answer,) = await exchange(port, sent)
            assert answer[0] in {400, 404, 405}
            check(answer)
