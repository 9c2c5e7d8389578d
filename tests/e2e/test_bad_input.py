"""Bad input over a real socket: it is refused in one shape and stored nowhere."""

import re
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import pytest
from bad_input import NO_HTTP, ODD, job
from raw_http import chunked, exchange, head, with_body

SECRETS = re.compile(rb"Traceback|site-packages|\.py\b|/tmp/|/home/|sqlite|nats", re.IGNORECASE)


@pytest.fixture(scope="module", autouse=True)
def unharmed(shared_up):
    """The api stores none of this, and goes on working."""
    up = shared_up
    lines, jobs = len(up.log()), ids(up)
    batches, blobs = up.get("/batches?limit=0").json["total"], files(up)
    yield
    assert up.get("/readyz").status == 200
    assert ids(up) - jobs <= {f"odd-{n}" for n in range(1, len(ODD) + 1)}
    assert up.get("/batches?limit=0").json["total"] == batches
    assert files(up) == blobs
    assert '"level":"error"' not in up.log()[lines:]
    assert "child.ended" not in up.log()[lines:]


def ids(up):
    return {job["job_id"] for job in up.get("/jobs?limit=1000").json["jobs"]}


def files(up):
    return {path for path in (up.data / "artifacts").rglob("*") if path.is_file()}


def check(up, sent, status=400, error_type="validation_error"):
    """The one shape."""
    answer = exchange(up.port, sent)
    body = answer.json
    said = (sent[:300], answer.status, body)
    found = answer.status, body["status"], body["error_type"]
    assert found == (status, "error", error_type), said
    assert set(body) <= {"status", "error_type", "message", "details"}, said
    assert answer.headers["content-type"] == "application/json", said
    assert not SECRETS.search(answer.data), said


def test_what_is_wrong_is_refused(up):
    check(up, with_body("POST", "/jobs", job("parameters.url", "ftp://a/")))
    check(up, with_body("POST", "/batches", b"{"))
    check(up, with_body("POST", "/jobs", job(), b"X-User-ID: \xff*\x80\x00"))
    check(up, head("GET", "/jobs?limit=-1"))
    check(up, with_body("POST", "/jobs", job(), "Content-Type: x/y"), 415, "unsupported_media_type")
    check(up, head("GET", "/files/../../../../etc/passwd"), 404, "not_found")
    check(up, head("GET", "/jobs/%00"), 404, "not_found")
    check(up, head("PUT", "/jobs"), 405, "method_not_allowed")
    check(up, head("DELETE", "/jobs/x", "Origin: null"), 403, "permission_denied")
    check(up, head("GET", "/jobs", host="evil.example"), 403, "permission_denied")


@pytest.mark.parametrize("name", NO_HTTP)
def test_what_is_no_http_is_refused(up, name):
    check(up, NO_HTTP[name])


def test_60_mb_are_too_much(up):
    huge = b'{"a": "' + b"x" * 60_000_000 + b'"}'
    pieces = [huge[:1_000_000]] * 60
    for sent in (with_body("POST", "/jobs", huge), chunked("/batches/x/toggle-active", *pieces)):
        check(up, sent, 413, "payload_too_large")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/jobs", b'{"parameters":{"x":[' + b"0," * 2_000_000 + b"0]}}"),
        ("/batches", b'{"jobs":[' + b"{}," * 550_000 + b"{}]}"),
    ],
    ids=["numbers", "jobs"],
)
def test_a_large_body_keeps_nobody_waiting(up, path, body):
    began = time.monotonic()
    answered = [began]
    with ThreadPoolExecutor(1) as pool:
        checking = pool.submit(check, up, with_body("POST", path, body))
        while not checking.done():
            assert up.get("/healthz").status == 200
            answered.append(time.monotonic())
    checking.result()
    took_s = answered[-1] - began
    longest_s = max(after - before for before, after in pairwise(answered))
    assert longest_s < max(0.25, took_s / 2), (longest_s, took_s)


def test_somebody_who_hangs_up_is_not_missed(up):
    for sent in (b"", b"GET", head("GET", "/jobs")[:-2], with_body("POST", "/jobs", job())[:-2]):
        with socket.create_connection(("127.0.0.1", up.port)) as connection:
            connection.sendall(sent)
    assert up.get("/readyz").status == 200


def test_what_is_only_odd_is_taken(up):
    for sent, shown in ODD.values():
        answer = exchange(up.port, sent)
        assert answer.status == 201, answer
        made = answer.json["job"]
        assert made["status"] != "completed"
        for field, value in shown.items():
            assert (made[field] | value if isinstance(value, dict) else value) == made[field]
