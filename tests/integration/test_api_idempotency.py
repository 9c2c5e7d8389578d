"""Idempotency-Key: the same request means the same object."""

import pytest
from fakes_api import Deployment, as_user, client_of, job_body


@pytest.fixture
async def client():
    async with client_of(Deployment()) as client:
        yield client


def keyed(key="k", user="ann"):
    return {**as_user(user), "Idempotency-Key": key}


BATCH = {"jobs": [job_body()] * 2}


@pytest.mark.parametrize(
    ("path", "body", "other"),
    [
        ("/jobs", job_body(), job_body(job_name="other")),
        ("/jobs", job_body(job_id="own"), job_body(job_id="own", job_name="other")),
        ("/batches", BATCH, {"jobs": [job_body()]}),
        ("/batches", BATCH | {"batch_id": "own"}, {"jobs": [], "batch_id": "own"}),
    ],
)
async def test_a_repeat_gives_the_same_object(client, path, body, other):
    first = await client.post(path, json=body, headers=keyed())
    again = await client.post(path, json=dict(reversed(body.items())), headers=keyed())
    assert (first.status_code, again.status_code) == (201, 201)
    assert "was created" in first.json()["message"]
    assert "was there already" in again.json()["message"]
    assert first.json() | {"message": ""} == again.json() | {"message": ""}
    assert (await client.get(path, headers=as_user("ann"))).json()["total"] == 1
    mismatch = await client.post(path, json=other, headers=keyed())
    assert (mismatch.status_code, mismatch.json()["error_type"]) == (422, "idempotency_mismatch")


@pytest.mark.parametrize(("path", "body"), [("/jobs", job_body()), ("/batches", BATCH)])
async def test_a_key_is_the_callers_own(client, path, body):
    found = set()
    for headers in (keyed(), keyed(user="eve"), keyed(user=None), keyed(key="l"), {}):
        answer = await client.post(path, json=body, headers=headers)
        assert answer.status_code == 201
        found.add(answer.headers["location"])
    assert len(found) == 5


async def test_a_job_joins_a_batch_once(client):
    await client.post("/batches", json={"jobs": [], "batch_id": "b"}, headers=as_user("ann"))
    for number, key in [(1, "k"), (2, "l"), (1, "k")]:
        sent = job_body(batch_id="b")
        answer = await client.post("/jobs", json=sent, headers=keyed(key))
        assert answer.json()["job"]["job_id"] == f"job-b.{number}"
    other = job_body(batch_id="b", job_name="other")
    assert (await client.post("/jobs", json=other, headers=keyed())).status_code == 422


async def test_an_id_of_another_caller_is_not_given_away(client):
    body = job_body(job_id="own")
    await client.post("/jobs", json=body, headers=keyed())
    answer = await client.post("/jobs", json=body, headers=keyed(user="eve"))
    assert answer.status_code in {409, 422}
    assert "job" not in answer.json()
