"""Batches over HTTP: submitted, read, listed, paused, put away, failed, deleted."""

import pytest
from fakes_api import Deployment, as_user, client_of, job_body

ANN = as_user("ann")


@pytest.fixture
def deployment():
    return Deployment()


@pytest.fixture
async def client(deployment):
    async with client_of(deployment) as client:
        yield client


async def create(client, batch_id, jobs=2, user="ann"):
    sent = {"jobs": [job_body()] * jobs, "batch_id": batch_id}
    return await client.post("/batches", json=sent, headers=as_user(user))


async def test_a_new_batch_is_answered_with_its_jobs(client):
    answer = await create(client, "batch-b")
    assert answer.status_code == 201
    body = answer.json()
    assert body["job_ids"] == ["job-b.1", "job-b.2"]
    batch = body["batch"]
    assert {k: v for k, v in batch.items() if not k.endswith("_at")} == {
        "batch_id": "batch-b",
        "batch_name": "batch-b",
        "status": "processing",
        "total_jobs": 2,
        "completed_jobs": 0,
        "failed_jobs": 0,
        "pending_jobs": 2,
        "processing_jobs": 0,
        "archived": False,
        "isActive": True,
        "user_id": "ann",
        "access_control": {
            "visibility": "private",
            "read_access": ["ann"],
            "write_access": ["ann"],
            "admin_access": ["ann"],
        },
    }
    read = (await client.get("/batches/batch-b", headers=ANN)).json()
    assert read == {"status": "success", "batch": batch}


async def test_a_batch_without_an_id_gets_one(client):
    body = (await client.post("/batches", json={"jobs": [job_body()]})).json()
    assert body["batch"]["batch_id"].startswith("batch-")
    assert body["job_ids"] == [f"job-{body['batch']['batch_id'].removeprefix('batch-')}.1"]


async def test_an_empty_batch_is_allowed(client):
    answer = await create(client, "batch-b", jobs=0)
    assert answer.status_code == 201
    assert answer.json()["batch"]["total_jobs"] == 0


async def test_counters_add_up(client, deployment):
    await create(client, "batch-b", jobs=3)
    await deployment.complete("job-b.1")
    await client.delete("/jobs/job-b.2", headers=ANN)
    batch = (await client.get("/batches/batch-b", headers=ANN)).json()["batch"]
    counters = ("total_jobs", "completed_jobs", "pending_jobs", "failed_jobs", "processing_jobs")
    assert [batch[name] for name in counters] == [2, 1, 1, 0, 0]


async def test_toggling_flips_or_sets(client):
    await create(client, "batch-b")
    for sent, found in [
        (None, False),
        (None, True),
        ({"active": True}, True),
        ({"active": False}, False),
        ({"active": None}, True),
    ]:
        answer = await client.post("/batches/batch-b/toggle-active", json=sent, headers=ANN)
        assert (answer.status_code, answer.json()["batch"]["isActive"]) == (200, found)
        said = "the batch was resumed" if found else "the batch was paused"
        assert answer.json()["message"] == said


async def test_an_archived_batch_is_listed_apart(client):
    await create(client, "batch-a")
    await create(client, "batch-b")
    answer = await client.post("/batches/batch-b/archive", headers=ANN)
    assert answer.json()["batch"]["archived"] is True

    async def listed(**query):
        answer = await client.get("/batches", params=query, headers=ANN)
        return [batch["batch_id"] for batch in answer.json()["batches"]]

    assert await listed() == ["batch-a"]
    assert await listed(archived="true") == ["batch-b"]
    await client.post("/batches/batch-b/archive", json={"archived": False}, headers=ANN)
    assert await listed(archived="false") == ["batch-b", "batch-a"]


async def test_fail_all_counts_the_batches_of_the_caller(client, deployment):
    await create(client, "batch-a")
    await create(client, "batch-b")
    await create(client, "batch-c", user="eve")
    await deployment.complete("job-a.1")
    await deployment.complete("job-a.2")
    for query, body in [({"dry_run": "true"}, None), ({}, {"dry_run": True})]:
        dry = await client.post("/batches/fail-all", params=query, json=body, headers=ANN)
        assert (dry.status_code, dry.json()["updated_count"]) == (200, 1)
    query, body = {"dry_run": "true"}, {"dry_run": 1}
    wrong = await client.post("/batches/fail-all", params=query, json=body, headers=ANN)
    assert (wrong.status_code, wrong.json()["details"][0]["field"]) == (400, "dry_run")
    done = await client.post("/batches/fail-all", headers=ANN)
    assert (done.status_code, done.json()["updated_count"]) == (200, 1)
    job = (await client.get("/jobs/job-b.1", headers=ANN)).json()["job"]
    assert (job["status"], job["error"]["code"]) == ("failed", "cancelled")
    assert "ann" in job["error"]["message"]
    untouched = (await client.get("/jobs/job-c.1", headers=as_user("eve"))).json()["job"]
    assert untouched["status"] == "pending"


async def test_deleting_a_batch_deletes_its_jobs(client):
    await create(client, "batch-b")
    assert (await client.delete("/batches/batch-b", headers=ANN)).status_code == 200
    paths = ("/batches/batch-b", "/batches/batch-b/history", "/jobs/job-b.1")
    for path in paths:
        assert (await client.get(path, headers=ANN)).status_code == 404
    assert (await create(client, "batch-b")).status_code == 409


@pytest.mark.parametrize("batch_id", ["nobody", "a.b", "a%20b"])
async def test_what_is_no_batch_is_not_found(client, batch_id):
    for method, path in [
        ("GET", f"/batches/{batch_id}"),
        ("DELETE", f"/batches/{batch_id}"),
        ("POST", f"/batches/{batch_id}/archive"),
        ("POST", f"/batches/{batch_id}/toggle-active"),
        ("GET", f"/batches/{batch_id}/history"),
    ]:
        answer = await client.request(method, path)
        assert (answer.status_code, answer.json()["error_type"]) == (404, "not_found")


async def test_one_owner_may_be_named_by_the_jobs(client):
    sent = {"jobs": [job_body(), job_body(user_id="ann"), job_body(user_id="ann")]}
    body = (await client.post("/batches", json=sent)).json()
    assert body["batch"]["user_id"] == "ann"


@pytest.mark.parametrize(
    ("header", "body", "jobs", "status"),
    [
        (None, None, ["ann", "eve"], 400),
        (None, "ann", ["eve"], 400),
        ("ann", None, ["eve"], 403),
        ("ann", "eve", [], 403),
        ("ann", "ann", ["ann"], 201),
    ],
)
async def test_a_batch_has_one_owner(client, header, body, jobs, status):
    sent = {"jobs": [job_body(user_id=name) for name in jobs], "user_id": body}
    answer = await client.post("/batches", json=sent, headers=as_user(header))
    assert answer.status_code == status


async def test_a_webhook_is_kept_without_its_headers_and_never_shown(client, deployment):
    hook = {"url": "https://hook.example/", "headers": {"Authorization": "secret"}, "x": 1}
    sent = {"jobs": [job_body(), job_body(webhook={"url": "http://own.example"})], "webhook": hook}
    answer = await client.post("/batches", json=sent)
    assert "hook.example" not in answer.text
    (command, _caller), *_ = deployment.sent
    assert [bytes(job.webhook) for job in command.jobs] == [
        b'{"url":"https://hook.example/","x":1}',
        b'{"url":"http://own.example"}',
    ]
