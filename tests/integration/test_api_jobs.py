"""Jobs over HTTP: submitted, read, listed, restarted, deleted, and repeated by a key."""

import re

import pytest
from fakes_api import as_user, job_body, parameters

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
LONG = {"markdown_content", "web_text", "structured_data", "context", "page_texts"}
RESULTS = LONG | {
    *("markdown_file", "assets", "video_transcript", "attachments_text", "attachments_url"),
    *("archive_data", "archive_filename", "target_dir", "asset_dir"),
}


async def test_a_new_job_is_answered_and_read_as_it_is(client):
    answer = await client.post("/jobs", json=job_body())
    body = answer.json()
    assert (answer.status_code, body["status"]) == (201, "success")
    assert body["message"] == "the job was created"
    job = body["job"]
    assert re.fullmatch(r"job-[0-9a-f-]{36}", job["job_id"])
    assert answer.headers["location"] == f"/api/event-job/jobs/{job['job_id']}"
    assert {name: job[name] for name in ("job_type", "status", "archived", "job_name")} == {
        "job_type": "", "status": "pending", "archived": False, "job_name": "Ev - Tr - Opening",
    }  # fmt: skip
    lists = {f"{kind}_access": ["ann"] for kind in ("read", "write", "admin")}
    assert job["access_control"] == {"visibility": "private"} | lists
    assert TIME.fullmatch(job["created_at"])
    assert TIME.fullmatch(job["updated_at"])
    assert job["user_id"] == "ann"
    absent = {"batch_id", "processing_started_at", "completed_at", "results", "error"}
    assert absent.isdisjoint(job)
    assert await client.got(f"/jobs/{job['job_id']}") == {"status": "success", "job": job}
    listed = await client.got("/jobs")
    assert (listed["status"], listed["total"], listed["jobs"]) == ("success", 1, [job])
    assert set(listed["performance"]) == {"db_query_time_ms", "total_time_ms"}


async def test_parameters_come_back_with_every_key(client):
    given = parameters(day=None, speakers=["A"], colour="red", extra={"shape": "round"})
    job = (await client.sent("/jobs", {"parameters": given}, 201))["job"]
    empty = ("day", "starttime", "endtime", "video_url", "attachments_url")
    assert job["parameters"] == parameters() | dict.fromkeys(empty) | {
        "speakers": ["A"],
        "source_language": "en",
        "target_language": "de",
        "use_cache": True,
        "extra": {"shape": "round", "colour": "red"},
    }


async def test_server_owned_fields_are_ignored(client):
    body = {"status": "completed", "results": {"a": 1}, "progress": {}, "created_at": "x"}
    job = await client.new_job("j", **body, error=3)
    assert job["status"] == "pending"
    assert {"results", "error"}.isdisjoint(job)


@pytest.mark.parametrize(
    ("in_parameters", "in_body", "in_header", "found"),
    [
        (None, None, None, True),
        (None, None, "0", False),
        (None, True, "false", True),
        (False, True, "true", False),
        (True, False, None, True),
        (None, False, "1", False),
    ],
)
async def test_the_most_specific_use_cache_wins(client, in_parameters, in_body, in_header, found):
    job = {"parameters": parameters(use_cache=in_parameters)}
    headers = {} if in_header is None else {"X-Use-Cache": in_header}
    for path, body in (("/jobs", job), ("/batches", {"jobs": [job]})):
        made = await client.sent(path, body | {"use_cache": in_body}, 201, headers=headers)
        job_id = made["job"]["job_id"] if "job" in made else made["job_ids"][0]
        shown = (await client.got(f"/jobs/{job_id}"))["job"]
        assert shown["parameters"]["use_cache"] is found


async def test_a_chosen_id_is_taken_for_ever(client):
    assert (await client.new_job("mine"))["job_id"] == "mine"
    for _ in range(2):
        again = await client.sent("/jobs", job_body(job_id="mine"), 409)
        assert again["error_type"] == "conflict"
        await client.delete("/jobs/mine")


async def test_a_completed_job_has_all_its_results_and_a_list_is_light(client, deployment):
    await client.new_job("j")
    await deployment.complete("j", ("Ev/Tr/s/slides.pdf", "application/pdf", b"%PDF"))
    job = (await client.got("/jobs/j"))["job"]
    assert job["status"] == "completed"
    whole = job["results"]
    assert set(whole) == RESULTS
    wanted = {
        "markdown_content": "# Größe 🎉\n",
        "markdown_file": "j/Ev/Tr/s.md",
        "assets": ["j/Ev/Tr/s/slides.pdf"],
        "structured_data": {"schema": "event-session/1"},
        "page_texts": ["page one"],
        "archive_data": None,
        "archive_filename": "s.zip",
    }
    assert {name: whole[name] for name in wanted} == wanted
    light = (await client.got("/jobs"))["jobs"][0]["results"]
    assert light == whole | dict.fromkeys(LONG) | {"page_texts": []}


async def test_a_restart_clears_the_results_and_deleted_is_gone(client, deployment):
    await client.new_job("j")
    await deployment.complete("j")
    for path in ("/j/restart", "/jobs/j/restart"):
        job = (await client.sent(path))["job"]
        assert job["status"] == "pending"
        assert {"results", "completed_at", "error"}.isdisjoint(job)
    await deployment.complete("j")
    assert (await client.deleted("/jobs/j"))["status"] == "success"
    for path in ("/jobs/j", "/jobs/j/history", "/jobs/j/download-archive", "/files/j/Ev/Tr/s.md"):
        await client.got(path, 404)
    await client.deleted("/jobs/j", 404)


async def test_a_job_joins_a_batch_but_not_just_any(client):
    await client.new_batch("batch-b")
    job = (await client.sent("/jobs", job_body(batch_id="batch-b"), 201))["job"]
    assert (job["job_id"], job["batch_id"], job["user_id"]) == ("job-b.2", "batch-b", "ann")
    listed = await client.got("/jobs?batch_id=batch-b")
    assert [job["job_id"] for job in listed["jobs"]] == ["job-b.2", "job-b.1"]
    await client.sent("/batches/batch-b/archive")
    for user, batch_id, status, code in [
        ("ann", "batch-none", 404, "not_found"),
        ("eve", "batch-b", 403, "permission_denied"),
        ("ann", "batch-b", 409, "conflict"),
    ]:
        refused = await client.sent("/jobs", job_body(batch_id=batch_id), status, user=user)
        assert refused["error_type"] == code


async def test_an_etag_saves_the_body_and_head_has_none(client, deployment):
    await client.new_job("j")
    tag = (await client.get("/jobs/j")).headers["etag"]
    known = await client.get("/jobs/j", headers={"If-None-Match": f'"other", {tag}'})
    assert (known.status_code, known.content, known.headers["etag"]) == (304, b"", tag)
    await deployment.complete("j")
    assert (await client.get("/jobs/j", headers={"If-None-Match": tag})).status_code == 200
    for path in ("/jobs", "/jobs/j", "/batches"):
        assert (await client.head(path)).status_code == 200


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
    first = await client.sent(path, body, 201, headers=keyed())
    again = await client.sent(path, dict(reversed(body.items())), 201, headers=keyed())
    assert "was created" in first["message"]
    assert "was there already" in again["message"]
    assert first | {"message": ""} == again | {"message": ""}
    assert (await client.got(path))["total"] == 1
    mismatch = await client.sent(path, other, 422, headers=keyed())
    assert mismatch["error_type"] == "idempotency_mismatch"


async def test_a_key_is_the_callers_own(anonymous):
    for path, body in (("/jobs", job_body()), ("/batches", BATCH)):
        found = set()
        for headers in (keyed(), keyed(user="eve"), keyed(user=None), keyed(key="l"), {}):
            answer = await anonymous.post(path, json=body, headers=headers)
            assert answer.status_code == 201
            found.add(answer.headers["location"])
        assert len(found) == 5
    await anonymous.sent("/jobs", job_body(job_id="own"), 201, headers=keyed())
    theirs = await anonymous.post("/jobs", json=job_body(job_id="own"), headers=keyed(user="eve"))
    assert theirs.status_code in {409, 422}
    assert "job" not in theirs.json()


async def test_a_job_joins_a_batch_once(client):
    await client.new_batch("b", 0)
    for number, key in [(1, "k"), (2, "l"), (1, "k")]:
        made = await client.sent("/jobs", job_body(batch_id="b"), 201, headers=keyed(key))
        assert made["job"]["job_id"] == f"job-b.{number}"
    await client.sent("/jobs", job_body(batch_id="b", job_name="other"), 422, headers=keyed())
