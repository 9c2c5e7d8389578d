"""Batches over HTTP: submitted, read, listed page by page, paused, put away, failed, deleted."""

import pytest
from api_client import client_of
from fakes_api import as_user, job_body

COUNTERS = ("total_jobs", "completed_jobs", "pending_jobs", "failed_jobs", "processing_jobs")


async def test_a_new_batch_is_answered_with_its_jobs(client):
    body = await client.new_batch("batch-b", 2)
    assert body["job_ids"] == ["job-b.1", "job-b.2"]
    batch = body["batch"]
    lists = {f"{kind}_access": ["ann"] for kind in ("read", "write", "admin")}
    assert {k: v for k, v in batch.items() if not k.endswith("_at")} == {
        "batch_id": "batch-b",
        "batch_name": "batch-b",
        "status": "processing",
        **dict(zip(COUNTERS, (2, 0, 2, 0, 0), strict=True)),
        "archived": False,
        "isActive": True,
        "user_id": "ann",
        "access_control": {"visibility": "private"} | lists,
    }
    assert await client.got("/batches/batch-b") == {"status": "success", "batch": batch}
    unnamed = await client.sent("/batches", {"jobs": [job_body()]}, 201)
    name = unnamed["batch"]["batch_id"]
    assert name.startswith("batch-")
    assert unnamed["job_ids"] == [f"job-{name.removeprefix('batch-')}.1"]
    assert (await client.new_batch("batch-empty", 0))["batch"]["total_jobs"] == 0


async def test_counters_add_up(client, deployment):
    await client.new_batch("batch-b", 3)
    await deployment.complete("job-b.1")
    await client.delete("/jobs/job-b.2")
    batch = (await client.got("/batches/batch-b"))["batch"]
    assert [batch[name] for name in COUNTERS] == [2, 1, 1, 0, 0]


async def test_toggling_flips_or_sets(client):
    await client.new_batch("batch-b")
    for sent, found in [
        (None, False),
        (None, True),
        ({"active": True}, True),
        ({"active": False}, False),
        ({"active": None}, True),
    ]:
        answer = await client.sent("/batches/batch-b/toggle-active", sent)
        assert answer["batch"]["isActive"] is found
        assert answer["message"] == f"the batch was {'resumed' if found else 'paused'}"


async def test_an_archived_batch_is_listed_apart(client):
    await client.new_batch("batch-a")
    await client.new_batch("batch-b")
    answer = await client.sent("/batches/batch-b/archive")
    assert answer["batch"]["archived"] is True

    async def listed(query=""):
        return [b["batch_id"] for b in (await client.got(f"/batches{query}"))["batches"]]

    assert await listed() == ["batch-a"]
    assert await listed("?archived=true") == ["batch-b"]
    await client.sent("/batches/batch-b/archive", {"archived": False})
    assert await listed("?archived=false") == ["batch-b", "batch-a"]


async def test_fail_all_counts_the_batches_of_the_caller(client, deployment):
    for name, user in (("a", "ann"), ("b", "ann"), ("c", "eve")):
        await client.new_batch(f"batch-{name}", 2, user=user)
    await deployment.complete("job-a.1")
    await deployment.complete("job-a.2")
    for query, body in [("?dry_run=true", None), ("", {"dry_run": True})]:
        assert (await client.sent(f"/batches/fail-all{query}", body))["updated_count"] == 1
    wrong = await client.sent("/batches/fail-all?dry_run=true", {"dry_run": 1}, 400)
    assert wrong["details"][0]["field"] == "dry_run"
    assert (await client.sent("/batches/fail-all"))["updated_count"] == 1
    job = (await client.got("/jobs/job-b.1"))["job"]
    assert (job["status"], job["error"]["code"]) == ("failed", "cancelled")
    assert "ann" in job["error"]["message"]
    assert (await client.got("/jobs/job-c.1", user="eve"))["job"]["status"] == "pending"


async def test_deleting_a_batch_deletes_its_jobs(client):
    await client.new_batch("batch-b")
    await client.deleted("/batches/batch-b")
    for path in ("/batches/batch-b", "/batches/batch-b/history", "/jobs/job-b.1"):
        await client.got(path, 404)
    await client.sent("/batches", {"batch_id": "batch-b", "jobs": []}, 409)


@pytest.mark.parametrize(
    ("header", "body", "jobs", "status"),
    [
        (None, None, ["ann", "eve"], 400),
        (None, "ann", ["eve"], 400),
        ("ann", None, ["eve"], 403),
        ("ann", "eve", [], 403),
        ("ann", "ann", ["ann"], 201),
        (None, None, ["ann", None], 201),
    ],
)
async def test_a_batch_has_one_owner(anonymous, header, body, jobs, status):
    sent = {"jobs": [job_body(user_id=name) for name in jobs], "user_id": body}
    answer = await anonymous.sent("/batches", sent, status, user=header)
    assert status != 201 or answer["batch"]["user_id"] == "ann"


async def test_a_webhook_is_kept_without_its_headers_and_never_shown(client, deployment):
    hook = {"url": "https://hook.example/", "headers": {"Authorization": "secret"}, "x": 1}
    jobs = [job_body(), job_body(webhook={"url": "http://own.example"})]
    answer = await client.post("/batches", json={"jobs": jobs, "webhook": hook})
    assert "hook.example" not in answer.text
    (command, _caller), *_ = deployment.sent
    assert [bytes(job.webhook) for job in command.jobs] == [
        b'{"url":"https://hook.example/","x":1}',
        b'{"url":"http://own.example"}',
    ]


@pytest.fixture
async def many(deployment):
    async with client_of(deployment, "ann") as client:
        for n in range(7):
            await client.new_job(f"j{n}")
            await client.new_batch(f"b{n}", 0)
        await client.sent("/jobs", job_body(job_id="bobs"), 201, user="bob")
        yield client


@pytest.mark.parametrize("kind", ["jobs", "batches"])
async def test_a_walk_by_cursor_ends_where_a_page_of_all_ends(many, kind):
    for paging in ("order=asc&sort=created_at", "sort=updated_at&user_id=ann"):
        whole = await many.got(f"/{kind}?{paging}")
        assert whole["total"] == 7
        assert "next" not in whole
        seen, cursor = [], ""
        while cursor is not None:
            page = await many.got(f"/{kind}?{paging}&limit=3&cursor={cursor}")
            assert "total" not in page
            seen += page[kind]
            cursor = page.get("next")
        assert seen == whole[kind]
    first = await many.got(f"/{kind}?limit=4&skip=1")  # a total leads to the next page, too
    assert (first["total"], len(first[kind])) == (7, 4)
    rest = await many.got(f"/{kind}?limit=4&cursor={first['next']}")
    assert first[kind] + rest[kind] == (await many.got(f"/{kind}?skip=1"))[kind]
    assert {"total", "next"}.isdisjoint(rest)


@pytest.mark.parametrize("kind", ["jobs", "batches"])
async def test_a_cursor_of_another_list_is_refused_by_name(many, kind):
    cursor = (await many.got(f"/{kind}?limit=2"))["next"]
    wrong = [
        f"/{kind}?{other}&cursor={cursor}"
        for other in ("order=asc", "sort=updated_at", "status=pending", "user_id=ann")
    ]
    other_kind = "jobs" if kind == "batches" else "batches"
    for path in (*wrong, f"/{other_kind}?cursor={cursor}", f"/{kind}?cursor={cursor[:-1]}"):
        body = await many.got(path, 400)
        assert body["error_type"] == "validation_error"
        assert [detail["field"] for detail in body["details"]] == ["cursor"]


async def test_a_cursor_goes_with_no_skip_and_shows_nobody_what_is_not_theirs(many):
    for cursor in ("", "x"):
        body = await many.got(f"/jobs?skip=0&cursor={cursor}", 400)
        assert body["details"] == [{"field": "cursor", "message": "cannot be combined with skip"}]
    cursor = (await many.got("/jobs?limit=2"))["next"]
    listed = await many.got(f"/jobs?order=desc&cursor={cursor}", headers=as_user("bob"))
    assert {job["user_id"] for job in listed["jobs"]} <= {"bob"}
