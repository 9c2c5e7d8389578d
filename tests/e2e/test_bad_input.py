"""What nobody should send: refused in one shape, and nothing of it is stored."""

import json
import re
import socket
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from itertools import pairwise

import pytest
from bad_input import (
    ALONE,
    BATCH,
    IN_A_JOB,
    NO_FILES,
    NO_HTTP,
    NO_JSON,
    NO_PATHS,
    NO_QUERIES,
    ODD,
    PARAMETERS,
    job,
)
from deployment import Up
from raw_http import BASE, chunked, exchange, head, with_body

SECRETS = re.compile(rb"Traceback|site-packages|\.py\b|/tmp/|/home/|sqlite|nats", re.IGNORECASE)


@pytest.fixture(scope="module")
def up(tmp_path_factory):
    with Up(tmp_path_factory.mktemp("bad"), EVENTJOB_PROCESSORS="1") as up:
        yield up


def check(up, sent, status=400, error_type="validation_error", field=None):
    """The one shape, with the field among the details."""
    answer = exchange(up.port, sent)
    body = answer.json
    said = (sent[:300], answer.status, body)
    assert (answer.status, body["status"], body["error_type"]) == (status, "error", error_type), (
        said
    )
    assert set(body) <= {"status", "error_type", "message", "details"}, said
    assert answer.headers["content-type"] == "application/json", said
    assert not SECRETS.search(answer.data), said
    if field is not None:
        assert field in {re.sub(r"\[[^]]*\]$", "", d["field"]) for d in body["details"]}, said


def cases(table):
    return [
        pytest.param(where, value, id=f"{where}={json.dumps(value)[:40]}")
        for where, values in table.items()
        for value in values
    ]


@pytest.mark.parametrize(("where", "value"), cases(IN_A_JOB | ALONE))
def test_a_wrong_field_of_a_job_is_named(up, where, value):
    check(up, with_body("POST", "/jobs", job(where, value)), field=where)


@pytest.mark.parametrize(("where", "value"), cases(IN_A_JOB))
def test_a_wrong_field_of_a_job_in_a_batch_is_named(up, where, value):
    sent = {"jobs": [job(), job(where, value)]}
    check(up, with_body("POST", "/batches", sent), field=f"jobs[1].{where}")


@pytest.mark.parametrize(("where", "value"), cases(BATCH))
def test_a_wrong_field_of_a_batch_is_named(up, where, value):
    sent = {"jobs": [job()], **job(where, value)}
    check(up, with_body("POST", "/batches", sent), field=where)


@pytest.mark.parametrize("missing", ["parameters", *PARAMETERS])
def test_a_missing_field_is_named(up, missing):
    sent = job()
    sent.pop(missing, None)
    sent.get("parameters", {}).pop(missing, None)
    where = missing if missing == "parameters" else f"parameters.{missing}"
    check(up, with_body("POST", "/jobs", sent), field=where)
    check(up, with_body("POST", "/batches", {"jobs": [sent]}), field=f"jobs[0].{where}")


@pytest.mark.parametrize("path", ["/jobs", "/batches", "/batches/x/archive", "/batches/fail-all"])
@pytest.mark.parametrize("name", NO_JSON)
def test_what_is_no_object_is_refused(up, path, name):
    if name != "nothing" or path in {"/jobs", "/batches"}:
        check(up, with_body("POST", path, NO_JSON[name]))


@pytest.mark.parametrize("where", [w for w in IN_A_JOB if w != "parameters"] + ["job_id", "new"])
@pytest.mark.parametrize("text", ["\\ud800", "\\udc00", "a\\ud800b", "\\udc00\\ud800"])
def test_no_text_holds_half_a_character(up, where, text):
    for value in (text, [text], {text: text}):
        sent = json.dumps(job(where, value)).replace("\\\\", "\\").encode()
        check(up, with_body("POST", "/jobs", sent))
        check(up, with_body("POST", "/batches", b'{"jobs":[' + sent + b"]}"))


@pytest.mark.parametrize(
    ("path", "field", "value"),
    [
        ("/batches/x/toggle-active", "active", "yes"),
        ("/batches/x/toggle-active", "active", 1),
        ("/batches/x/archive", "archived", 0),
        ("/batches/fail-all", "dry_run", "true"),
    ],
)
def test_a_wrong_switch_is_named(up, path, field, value):
    check(up, with_body("POST", path, {field: value}), field=field)


@pytest.mark.parametrize(
    "media_type",
    ["", "text/plain", "application/json; charset=utf-16", "application/json, text/html"],
)
def test_other_media_types_are_refused(up, media_type):
    sent = with_body("POST", "/jobs", job(), f"Content-Type: {media_type}")
    check(up, sent, 415, "unsupported_media_type")


@pytest.mark.parametrize("path", ["/jobs", "/batches", "/batches/x/toggle-active"])
def test_60_mb_are_too_much(up, path):
    huge = b'{"a": "' + b"x" * 60_000_000 + b'"}'
    for sent in (with_body("POST", path, huge), chunked(path, *[huge[:1_000_000]] * 60)):
        check(up, sent, 413, "payload_too_large")


def test_25000_jobs_are_too_many(up):
    check(up, with_body("POST", "/batches", {"jobs": [job()] * 25_000}), field="jobs")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/jobs", b'{"parameters":{"x":[' + b"0," * 2_000_000 + b"0]}}"),
        ("/batches", b'{"jobs":[' + b"{}," * 550_000 + b"{}]}"),
    ],
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


@pytest.mark.parametrize("name", NO_PATHS)
def test_nothing_is_at_a_strange_address(up, name):
    for method, path in [
        ("GET", f"/jobs/{name}"),
        ("DELETE", f"/jobs/{name}"),
        ("GET", f"/jobs/{name}/history"),
        ("GET", f"/jobs/{name}/download-archive"),
        ("POST", f"/jobs/{name}/restart"),
        ("POST", f"/{name}/restart"),
        ("GET", f"/batches/{name}"),
        ("DELETE", f"/batches/{name}"),
        ("POST", f"/batches/{name}/archive"),
        ("POST", f"/batches/{name}/toggle-active"),
        ("GET", f"/batches/{name}/history"),
        ("GET", f"/files/{name}"),
    ]:
        check(up, head(method, path), 404, "not_found")


@pytest.mark.parametrize("inside", NO_FILES)
def test_no_file_is_at_a_strange_path(up, inside):
    for path in (f"/files/{inside}", f"/files/job-x.1/{inside}", f"/files/a/{inside}"):
        check(up, head("GET", path), 404, "not_found")


@pytest.mark.parametrize("path", ["/jobs/", "/batches/", "/jobs/x/", "/nothing", "", "/", "//jobs"])
def test_nothing_is_elsewhere(up, path):
    check(up, head("GET", path), 404, "not_found")


@pytest.mark.parametrize("path", ["/jobs", "/batches"])
@pytest.mark.parametrize(("name", "value"), cases(NO_QUERIES))
def test_a_wrong_parameter_is_named(up, path, name, value):
    check(up, head("GET", f"{path}?{name}={value}"), field=name)


@pytest.mark.parametrize("name", ["limit", "skip", "status", "sort", "order", "user_id", "cursor"])
def test_a_parameter_comes_once(up, name):
    value = "pending" if name == "status" else "1"
    check(up, head("GET", f"/jobs?{name}={value}&{name}={value}"), field=name)


@pytest.mark.parametrize(
    ("path", "name", "value"),
    [
        ("/batches", "archived", "1"),
        ("/batches", "archived", "TRUE"),
        ("/jobs", "batch_id", "a.b"),
        ("/jobs", "batch_id", ".."),
        ("/jobs", "batch_id", ""),
    ],
)
def test_a_wrong_filter_is_named(up, path, name, value):
    check(up, head("GET", f"{path}?{name}={value}"), field=name)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("X-User-ID", value) for value in (b"", b" ", b"*", b"a\tb", b"x" * 129, b"x" * 60_000)),
        *(("X-User-ID", value) for value in (b"\xc2\x85", b"\xed\xa0\x80", b"a\r\nX-User-ID: b")),
        *(("Idempotency-Key", value) for value in (b"", b"a\tb", b"x" * 256, b"\xc2\x85")),
        ("Idempotency-Key", b"a\r\nIdempotency-Key: b"),
        *(("X-Use-Cache", value) for value in (b"", b"yes", b"2", b"\xff")),
    ],
)
def test_a_wrong_header_is_named(up, name, value):
    header = name.encode() + b": " + value
    check(up, with_body("POST", "/jobs", job(), header), field=name)
    check(up, with_body("POST", "/batches", {"jobs": [job()]}, header), field=name)


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://localhost:1", "x", ""])
def test_a_foreign_page_changes_nothing(up, origin):
    for sent in (
        with_body("POST", "/jobs", job(), f"Origin: {origin}"),
        with_body("POST", "/batches", {"jobs": [job()]}, f"Origin: {origin}"),
        head("DELETE", "/jobs/x", f"Origin: {origin}"),
    ):
        check(up, sent, 403, "permission_denied")


@pytest.mark.parametrize("host", ["evil.example", "", "localhost.evil", "127.0.0.1@evil", "[::1"])
def test_an_unknown_host_is_not_answered_to(up, host):
    check(up, head("GET", "/jobs", host=host), 403, "permission_denied")
    check(up, with_body("POST", "/jobs", job(), host=host), 403, "permission_denied")


def test_every_other_method_is_told_the_right_ones(up):
    paths = up.get("/openapi.json").json["paths"]
    del paths[f"{BASE.decode()}/batches/fail-all"]  # which may be a batch, too
    for path, operations in paths.items():
        right = {method.upper() for method in operations}
        right |= {"HEAD"} if "GET" in right else set()
        wrong = {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"} - right
        at = path.replace("{", "").replace("}", "").encode()
        for method in wrong:
            sent = b"%b %b HTTP/1.1\r\nHost: localhost\r\n\r\n" % (method.encode(), at)
            check(up, sent, 405, "method_not_allowed")
            assert exchange(up.port, sent).headers["allow"] == ", ".join(sorted(right))


@pytest.mark.parametrize("name", NO_HTTP)
def test_what_is_no_http_is_refused(up, name):
    check(up, NO_HTTP[name])


def test_somebody_who_hangs_up_is_not_missed(up):
    for sent in (b"", b"GET", head("GET", "/jobs")[:-2], with_body("POST", "/jobs", job())[:-2]):
        with socket.create_connection(("127.0.0.1", up.port)) as connection:
            connection.sendall(sent)
    assert up.get("/readyz").status == 200


@pytest.mark.parametrize("name", ODD)
def test_what_is_only_odd_is_taken(up, name):
    sent, shown = ODD[name]
    answer = exchange(up.port, sent)
    assert answer.status == 201, answer
    made = answer.json["job"]
    assert made["status"] != "completed"
    for field, value in shown.items():
        assert (made[field] | value if isinstance(value, dict) else value) == made[field]


def test_nothing_else_was_stored_and_nothing_broke(up):
    assert up.get("/readyz").status == 200
    with closing(sqlite3.connect(up.folder / "data" / "projection.db")) as projection:
        stored = {job_id for (job_id,) in projection.execute("SELECT id FROM jobs_1")}
        assert projection.execute("SELECT count(*) FROM batches_1").fetchone() == (0,)
    assert stored <= {f"odd-{n}" for n in range(1, len(ODD) + 1)}
    assert not [file for file in (up.folder / "data" / "artifacts").rglob("*") if file.is_file()]
    assert not [line for line in up.log().splitlines() if '"level":"error"' in line]
    assert "child.ended" not in up.log()
