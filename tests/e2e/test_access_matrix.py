"""Who may do what: each caller on each route, for an object that exists and for none."""

import itertools

import pytest
from deployment import Up

CALLERS = ("", "owner", "reader", "writer", "admin", "stranger")
READERS = {"owner", "reader", "writer", "admin"}
CHANGERS = {"owner", "writer", "admin"}
ACCESS = {
    "visibility": "private",
    "read_access": ["reader"],
    "write_access": ["writer"],
    "admin_access": ["admin"],
}
PARAMETERS = {
    "event": "E",
    "session": "S",
    "url": "http://127.0.0.1:9/closed",
    "filename": "s.md",
    "track": "T",
}
READ, CHANGE = READERS, CHANGERS
# name: (method, path, body, who may, status for those who may)
ROUTES = {
    "get job": ("GET", "/jobs/{job}", None, READ, 200),
    "job as it was": ("GET", "/jobs/{job}?as_of=999999", None, READ, 200),
    "history of job": ("GET", "/jobs/{job}/history", None, READ, 200),
    "archive of job without one": ("GET", "/jobs/{job}/download-archive", None, READ, 404),
    "file that job has not": ("GET", "/files/{job}/E/T/s.md", None, READ, 404),
    "restart job": ("POST", "/{job}/restart", None, CHANGE, 200),
    "restart job by alias": ("POST", "/jobs/{job}/restart", None, CHANGE, 200),
    "delete job": ("DELETE", "/jobs/{job}", None, CHANGE, 200),
    "get batch": ("GET", "/batches/{batch}", None, READ, 200),
    "batch as it was": ("GET", "/batches/{batch}?as_of=999999", None, READ, 200),
    "history of batch": ("GET", "/batches/{batch}/history", None, READ, 200),
    "archive of batch that runs": ("GET", "/batches/{batch}/download-archive", None, READ, 409),
    "toggle batch": ("POST", "/batches/{batch}/toggle-active", None, CHANGE, 200),
    "put batch away": ("POST", "/batches/{batch}/archive", None, CHANGE, 200),
    "add job to batch": (
        "POST",
        "/jobs",
        {"batch_id": "{batch}", "parameters": PARAMETERS},
        CHANGE,
        201,
    ),
    "delete batch": ("DELETE", "/batches/{batch}", None, CHANGE, 200),
}
_numbers = itertools.count()


@pytest.fixture(scope="module")
def up(tmp_path_factory):
    with Up(tmp_path_factory.mktemp("access"), EVENTJOB_PROCESSORS="1") as up:
        yield up


def as_caller(caller):
    return {"X_User_ID": caller} if caller else {}


def new_batch(up, **more):
    """A batch of one job, whose page nobody serves."""
    batch_id = f"batch-m{next(_numbers)}"
    body = {"batch_id": batch_id, "jobs": [{"parameters": PARAMETERS}], "access_control": ACCESS}
    answer = up.post("/batches", {**body, **more}, X_User_ID="owner")
    assert answer.status == 201, answer
    return batch_id, answer.json["job_ids"][0]


def ask(up, route, caller, batch, job):
    method, path, body, _, _ = ROUTES[route]
    if body is not None:
        body = {**body, "batch_id": body["batch_id"].format(batch=batch)}
    return up.request(method, path.format(batch=batch, job=job), body, as_caller(caller))


@pytest.mark.parametrize("caller", CALLERS, ids=lambda c: c or "nobody")
@pytest.mark.parametrize("route", ROUTES)
def test_an_object_that_exists(up, route, caller):
    answer = ask(up, route, caller, *new_batch(up))
    *_, may, status = ROUTES[route]
    if caller in may:
        assert answer.status == status, answer
    else:
        assert (answer.status, answer.json["error_type"]) == (403, "permission_denied")


@pytest.mark.parametrize("caller", CALLERS, ids=lambda c: c or "nobody")
@pytest.mark.parametrize("route", ROUTES)
def test_an_object_that_does_not_exist(up, route, caller):
    answer = ask(up, route, caller, "batch-none", "job-none.1")
    assert (answer.status, answer.json["error_type"]) == (404, "not_found")


@pytest.mark.parametrize("caller", CALLERS, ids=lambda c: c or "nobody")
@pytest.mark.parametrize("kind", ["jobs", "batches"])
def test_lists_hold_and_count_what_the_caller_may_see(up, kind, caller):
    batch, job = new_batch(up)
    public, public_job = new_batch(up, access_control={"visibility": "public"})
    answer = up.get(f"/{kind}?limit=1000", **as_caller(caller)).json
    key = "job_id" if kind == "jobs" else "batch_id"
    seen = {found[key] for found in answer[kind]}
    hidden, shown = (job, public_job) if kind == "jobs" else (batch, public)
    assert shown in seen
    assert (hidden in seen) == (caller in READERS)
    assert answer["total"] == len(seen)


@pytest.mark.parametrize("caller", CALLERS, ids=lambda c: c or "nobody")
def test_fail_all_touches_what_the_caller_may_change(up, caller):
    _, job = new_batch(up, batch_name=f"for {caller}")
    up.post("/batches/fail-all", **as_caller(caller))
    found = up.get(f"/jobs/{job}", X_User_ID="owner").json["job"]
    cancelled = found["status"] == "failed" and found["error"]["code"] == "cancelled"
    assert cancelled == (caller in CHANGERS)


@pytest.mark.parametrize("caller", [c for c in CALLERS if c])
def test_nobody_posts_in_another_name(up, caller):
    body = {"parameters": PARAMETERS, "user_id": "somebody-else"}
    assert up.post("/jobs", body, **as_caller(caller)).status == 403


def test_without_header_the_body_names_the_owner(up):
    job = up.post("/jobs", {"parameters": PARAMETERS, "user_id": "owner"}).json["job"]
    assert up.get(f"/jobs/{job['job_id']}").status == 403
    assert up.get(f"/jobs/{job['job_id']}", X_User_ID="owner").status == 200


def test_what_has_no_owner_is_everybodys(up):
    job = up.post("/jobs", {"parameters": PARAMETERS}).json["job"]
    for caller in CALLERS:
        assert up.get(f"/jobs/{job['job_id']}", **as_caller(caller)).status == 200
    assert up.delete(f"/jobs/{job['job_id']}").status == 200
