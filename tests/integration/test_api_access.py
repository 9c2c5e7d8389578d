"""Who may: every kind of caller at every route, for what exists and for what does not."""

import itertools

import pytest
from fakes_api import Deployment, as_user, client_of, job_body

from eventjob.domain.access import Caller

ACCESS = {"read_access": ["reader"], "write_access": ["writer"], "admin_access": ["admin"]}
OWNER = as_user("owner")
CALLERS = {
    "no header": None,
    "owner": "owner",
    "reader": "reader",
    "writer": "writer",
    "admin": "admin",
    "stranger": "eve",
}
READERS = {"owner", "reader", "writer", "admin"}
WRITERS = READERS - {"reader"}
READS = [
    "/jobs/j",
    "/jobs/j?as_of=99",
    "/jobs/j/history",
    "/jobs/j/download-archive",
    "/files/j/Ev/Tr/s.md",
    "/batches/b",
    "/batches/b?as_of=99",
    "/batches/b/history",
    "/jobs/job-b.1",
    "/jobs/job-b.1/history",
]
MISSING = ["/files/j/no/such/file", "/jobs/job-b.1/download-archive"]
WRITES = [
    ("POST", "/j/restart"),
    ("POST", "/jobs/j/restart"),
    ("DELETE", "/jobs/j"),
    ("DELETE", "/jobs/job-b.1"),
    ("POST", "/batches/b/archive"),
    ("POST", "/batches/b/toggle-active"),
    ("DELETE", "/batches/b"),
]
NOWHERE = [
    ("GET", "/jobs/k"),
    ("GET", "/jobs/k?as_of=99"),
    ("GET", "/jobs/k/history"),
    ("GET", "/jobs/k/download-archive"),
    ("GET", "/files/k/Ev/Tr/s.md"),
    ("GET", "/batches/k"),
    ("GET", "/batches/k?as_of=99"),
    ("GET", "/batches/k/history"),
    ("GET", "/jobs/job-k.2"),
    ("POST", "/k/restart"),
    ("POST", "/jobs/job-k.2/restart"),
    ("DELETE", "/jobs/k"),
    ("POST", "/batches/k/archive"),
    ("POST", "/batches/k/toggle-active"),
    ("DELETE", "/batches/k"),
]


@pytest.fixture
async def deployment():
    """A private job with results, and a private batch with a job that has none."""
    deployment = Deployment()
    async with client_of(deployment) as client:
        job = job_body(job_id="j", access_control=ACCESS)
        batch = {"jobs": [job_body()], "batch_id": "b", "access_control": ACCESS}
        assert (await client.post("/jobs", json=job, headers=OWNER)).status_code == 201
        assert (await client.post("/batches", json=batch, headers=OWNER)).status_code == 201
    await deployment.complete("j")
    return deployment


@pytest.fixture
async def client(deployment):
    async with client_of(deployment) as client:
        yield client


@pytest.mark.parametrize(("who", "path"), list(itertools.product(CALLERS, READS)))
async def test_readers_read(client, who, path):
    for method in ("GET", "HEAD"):
        answer = await client.request(method, path, headers=as_user(CALLERS[who]))
        assert answer.status_code == (200 if who in READERS else 403)
    if who not in READERS:
        answer = await client.get(path, headers=as_user(CALLERS[who]))
        assert answer.json()["error_type"] == "permission_denied"


@pytest.mark.parametrize(("who", "path"), list(itertools.product(CALLERS, MISSING)))
async def test_a_stranger_does_not_learn_what_is_missing(client, who, path):
    answer = await client.get(path, headers=as_user(CALLERS[who]))
    assert answer.status_code == (404 if who in READERS else 403)


@pytest.mark.parametrize("who", CALLERS)
async def test_a_stranger_does_not_learn_which_jobs_a_batch_has(client, who):
    headers = as_user(CALLERS[who])
    read = await client.get("/jobs/job-b.2", headers=headers)
    assert read.status_code == (404 if who in READERS else 403)
    for method, path in (("POST", "/jobs/job-b.2/restart"), ("DELETE", "/jobs/job-b.2")):
        answer = await client.request(method, path, headers=headers)
        assert answer.status_code == (404 if who in WRITERS else 403)


@pytest.mark.parametrize(("who", "write"), list(itertools.product(CALLERS, WRITES)))
async def test_writers_write(client, who, write):
    answer = await client.request(*write, headers=as_user(CALLERS[who]))
    assert answer.status_code == (200 if who in WRITERS else 403)


@pytest.mark.parametrize("who", CALLERS)
@pytest.mark.parametrize(("method", "path"), NOWHERE)
async def test_what_does_not_exist_is_not_found_for_anybody(client, who, method, path):
    answer = await client.request(method, path, headers=as_user(CALLERS[who]))
    assert answer.status_code == 404


@pytest.mark.parametrize("who", CALLERS)
async def test_lists_leave_out_what_may_not_be_read(client, who):
    jobs = (await client.get("/jobs", headers=as_user(CALLERS[who]))).json()
    batches = (await client.get("/batches", headers=as_user(CALLERS[who]))).json()
    seen = (2, 1) if who in READERS else (0, 0)
    assert (jobs["total"], batches["total"]) == seen
    assert (len(jobs["jobs"]), len(batches["batches"])) == seen


@pytest.mark.parametrize("who", CALLERS)
async def test_a_list_by_owner_stays_within_what_may_be_read(client, who):
    query = {"user_id": "owner"}
    jobs = (await client.get("/jobs", params=query, headers=as_user(CALLERS[who]))).json()
    assert jobs["total"] == (2 if who in READERS else 0)


@pytest.mark.parametrize("who", CALLERS)
async def test_public_is_read_by_all_and_changed_by_its_owner(client, who):
    sent = job_body(job_id="open", access_control={"visibility": "public"})
    await client.post("/jobs", json=sent, headers=OWNER)
    headers = as_user(CALLERS[who])
    assert (await client.get("/jobs/open", headers=headers)).status_code == 200
    found = (await client.get("/jobs", headers=headers)).json()["jobs"]
    assert "open" in {job["job_id"] for job in found}
    answer = await client.delete("/jobs/open", headers=headers)
    assert answer.status_code == (200 if who == "owner" else 403)


@pytest.mark.parametrize("who", CALLERS)
async def test_what_nobody_owns_is_everybodys(client, who):
    await client.post("/jobs", json=job_body(job_id="free"))
    headers = as_user(CALLERS[who])
    assert (await client.get("/jobs/free", headers=headers)).status_code == 200
    assert (await client.delete("/jobs/free", headers=headers)).status_code == 200


@pytest.mark.parametrize(
    ("header", "named", "open_door", "status", "owner"),
    [
        ("ann", None, False, 201, "ann"),
        ("ann", "ann", False, 201, "ann"),
        ("ann", "eve", False, 403, None),
        (None, "eve", False, 201, "eve"),
        (None, None, False, 201, None),
        ("ann", "eve", True, 201, "eve"),
        (None, "eve", True, 201, "eve"),
    ],
)
async def test_the_owner_is_who_asks(deployment, *, header, named, open_door, status, owner):
    async with client_of(deployment, is_open=open_door) as client:
        sent = job_body(user_id=named)
        answer = await client.post("/jobs", json=sent, headers=as_user(header))
    assert answer.status_code == status
    if status == 201:
        assert answer.json()["job"].get("user_id") == owner


async def test_with_the_open_door_a_caller_without_header_may_all(deployment):
    async with client_of(deployment, is_open=True) as client:
        for path in READS:
            assert (await client.get(path)).status_code == 200
            assert (await client.get(path, headers=as_user("eve"))).status_code == 403
        assert (await client.get("/jobs")).json()["total"] == 2
        for method, path in WRITES:
            answer = await client.request(method, path, headers=as_user("eve"))
            assert answer.status_code == 403
        assert (await client.delete("/batches/b")).status_code == 200
    assert deployment.sent[-1][1] == Caller(None, trusted=True)


async def test_who_creates_for_another_sees_only_what_he_sent(client, deployment):
    headers = {"Idempotency-Key": "k"}
    sent = job_body(user_id="owner", job_id="gift")
    first = await client.post("/jobs", json=sent, headers=headers)
    await deployment.complete("gift")
    again = await client.post("/jobs", json=sent, headers=headers)
    assert (first.status_code, again.status_code) == (201, 201)
    assert "results" not in again.json()["job"]
    assert (await client.get("/jobs/gift")).status_code == 403


async def test_private_answers_stay_with_who_asked(client):
    for path in [*READS, "/jobs", "/batches"]:
        for headers in (OWNER, {}):
            answer = await client.get(path, headers=headers)
            assert "private" in answer.headers["cache-control"]
            assert "X-User-ID" in answer.headers["vary"]
            assert answer.headers["x-content-type-options"] == "nosniff"
