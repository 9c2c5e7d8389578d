"""Jobs over HTTP: submitted, read, listed, restarted, deleted."""

import re

import pytest
from fakes_api import Deployment, as_user, client_of, job_body, parameters

ANN = as_user("ann")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
RESULTS = {
    "markdown_file",
    "markdown_content",
    "assets",
    "web_text",
    "video_transcript",
    "attachments_text",
    "context",
    "attachments_url",
    "archive_data",
    "archive_filename",
    "structured_data",
    "target_dir",
    "page_texts",
    "asset_dir",
}


@pytest.fixture
def deployment():
    return Deployment()


@pytest.fixture
async def client(deployment):
    async with client_of(deployment) as client:
        yield client


async def test_a_new_job_is_answered_as_it_is(client):
    answer = await client.post("/jobs", json=job_body(), headers=ANN)
    assert answer.status_code == 201
    body = answer.json()
    assert body["status"] == "success"
    assert body["message"] == "the job was created"
    job = body["job"]
    assert re.fullmatch(r"job-[0-9a-f-]{36}", job["job_id"])
    assert answer.headers["location"] == f"/api/event-job/jobs/{job['job_id']}"
    assert {name: job[name] for name in ("job_type", "status", "archived", "job_name")} == {
        "job_type": "",
        "status": "pending",
        "archived": False,
        "job_name": "Ev - Tr - Opening",
    }
    assert job["access_control"] == {
        "visibility": "private",
        "read_access": ["ann"],
        "write_access": ["ann"],
        "admin_access": ["ann"],
    }
    assert TIME.fullmatch(job["created_at"])
    assert TIME.fullmatch(job["updated_at"])
    assert job["user_id"] == "ann"
    absent = {"batch_id", "processing_started_at", "completed_at", "results", "error"}
    assert absent.isdisjoint(job)


async def test_parameters_come_back_with_every_key(client):
    sent = parameters(day=None, speakers=["A"], colour="red", extra={"shape": "round"})
    job = (await client.post("/jobs", json={"parameters": sent})).json()["job"]
    assert job["parameters"] == {
        **parameters(),
        "day": None,
        "starttime": None,
        "endtime": None,
        "speakers": ["A"],
        "video_url": None,
        "attachments_url": None,
        "source_language": "en",
        "target_language": "de",
        "use_cache": True,
        "extra": {"shape": "round", "colour": "red"},
    }


async def test_what_was_written_is_read(client):
    job = (await client.post("/jobs", json=job_body(), headers=ANN)).json()["job"]
    assert (await client.get(f"/jobs/{job['job_id']}", headers=ANN)).json() == {
        "status": "success",
        "job": job,
    }
    listed = (await client.get("/jobs", headers=ANN)).json()
    assert (listed["status"], listed["total"], listed["jobs"]) == ("success", 1, [job])
    assert set(listed["performance"]) == {"db_query_time_ms", "total_time_ms"}


async def test_server_owned_fields_are_ignored(client):
    sent = job_body(status="completed", results={"a": 1}, progress={}, created_at="x", error=3)
    job = (await client.post("/jobs", json=sent)).json()["job"]
    assert job["status"] == "pending"
    assert "results" not in job
    assert "error" not in job


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
    sent = {"parameters": parameters(use_cache=in_parameters), "use_cache": in_body}
    headers = {} if in_header is None else {"X-Use-Cache": in_header}
    job = (await client.post("/jobs", json=sent, headers=headers)).json()["job"]
    assert job["parameters"]["use_cache"] is found
    several = {"jobs": [job_body(parameters=sent["parameters"])], "use_cache": in_body}
    batch = (await client.post("/batches", json=several, headers=headers)).json()
    of_batch = (await client.get(f"/jobs/{batch['job_ids'][0]}")).json()["job"]
    assert of_batch["parameters"]["use_cache"] is found


async def test_a_chosen_id_is_taken_for_ever(client):
    sent = job_body(job_id="mine")
    assert (await client.post("/jobs", json=sent)).json()["job"]["job_id"] == "mine"
    for _ in range(2):
        again = await client.post("/jobs", json=sent)
        assert (again.status_code, again.json()["error_type"]) == (409, "conflict")
        await client.delete("/jobs/mine")


async def test_a_completed_job_has_all_its_results(client, deployment):
    await client.post("/jobs", json=job_body(job_id="j"), headers=ANN)
    await deployment.complete("j", ("Ev/Tr/s/slides.pdf", "application/pdf", b"%PDF"))
    answer = await client.get("/jobs/j", headers=ANN)
    job = answer.json()["job"]
    assert job["status"] == "completed"
    assert set(job["results"]) == RESULTS
    assert job["results"]["markdown_content"] == "# Größe 🎉\n"
    assert job["results"]["markdown_file"] == "j/Ev/Tr/s.md"
    assert job["results"]["assets"] == ["j/Ev/Tr/s/slides.pdf"]
    assert job["results"]["structured_data"] == {"schema": "event-session/1"}
    assert job["results"]["page_texts"] == ["page one"]
    assert job["results"]["archive_data"] is None
    assert job["results"]["archive_filename"] == "s.zip"


async def test_a_list_is_light(client, deployment):
    await client.post("/jobs", json=job_body(job_id="j"), headers=ANN)
    await deployment.complete("j", ("Ev/Tr/s/slides.pdf", "application/pdf", b"%PDF"))
    whole = (await client.get("/jobs/j", headers=ANN)).json()["job"]["results"]
    light = (await client.get("/jobs", headers=ANN)).json()["jobs"][0]["results"]
    long = {"markdown_content", "web_text", "structured_data", "context", "page_texts"}
    assert {name: light[name] for name in long} == dict.fromkeys(long) | {"page_texts": []}
    assert {k: v for k, v in light.items() if k not in long} == {
        k: v for k, v in whole.items() if k not in long
    }


async def test_a_restart_clears_the_results(client, deployment):
    await client.post("/jobs", json=job_body(job_id="j"), headers=ANN)
    await deployment.complete("j")
    for path in ("/j/restart", "/jobs/j/restart"):
        answer = await client.post(path, headers=ANN)
        assert answer.status_code == 200
        assert answer.json()["job"]["status"] == "pending"
        assert {"results", "completed_at", "error"}.isdisjoint(answer.json()["job"])


async def test_deleted_is_gone(client, deployment):
    await client.post("/jobs", json=job_body(job_id="j"), headers=ANN)
    await deployment.complete("j")
    answer = await client.delete("/jobs/j", headers=ANN)
    assert (answer.status_code, answer.json()["status"]) == (200, "success")
    for path in ("", "/history", "/download-archive"):
        assert (await client.get(f"/jobs/j{path}", headers=ANN)).status_code == 404
    assert (await client.get("/files/j/Ev/Tr/s.md", headers=ANN)).status_code == 404
    assert (await client.delete("/jobs/j", headers=ANN)).status_code == 404


@pytest.mark.parametrize("job_id", ["nobody", "job-x.1", "a%20b", "j.é", "job-x.0"])
async def test_what_is_no_job_is_not_found(client, job_id):
    for method, path in [
        ("GET", f"/jobs/{job_id}"),
        ("DELETE", f"/jobs/{job_id}"),
        ("POST", f"/jobs/{job_id}/restart"),
        ("POST", f"/{job_id}/restart"),
        ("GET", f"/jobs/{job_id}/history"),
        ("GET", f"/jobs/{job_id}/download-archive"),
    ]:
        answer = await client.request(method, path)
        assert (answer.status_code, answer.json()["error_type"]) == (404, "not_found")


async def test_a_job_joins_a_batch(client):
    sent = {"jobs": [job_body()], "batch_id": "batch-b"}
    await client.post("/batches", json=sent, headers=ANN)
    answer = await client.post("/jobs", json=job_body(batch_id="batch-b"), headers=ANN)
    assert answer.status_code == 201
    job = answer.json()["job"]
    assert (job["job_id"], job["batch_id"], job["user_id"]) == ("job-b.2", "batch-b", "ann")
    listed = (await client.get("/jobs", params={"batch_id": "batch-b"}, headers=ANN)).json()
    assert [job["job_id"] for job in listed["jobs"]] == ["job-b.2", "job-b.1"]


@pytest.mark.parametrize(
    ("user", "batch_id", "code"),
    [
        ("ann", "batch-none", "not_found"),
        ("eve", "batch-b", "permission_denied"),
        ("ann", "batch-b", "conflict"),
    ],
)
async def test_a_job_cannot_join_just_any_batch(client, user, batch_id, code):
    sent = {"jobs": [], "batch_id": "batch-b"}
    await client.post("/batches", json=sent, headers=ANN)
    await client.post("/batches/batch-b/archive", headers=ANN)
    answer = await client.post("/jobs", json=job_body(batch_id=batch_id), headers=as_user(user))
    assert answer.json()["error_type"] == code


async def test_an_etag_saves_the_body(client, deployment):
    await client.post("/jobs", json=job_body(job_id="j"))
    tag = (await client.get("/jobs/j")).headers["etag"]
    known = await client.get("/jobs/j", headers={"If-None-Match": f'"other", {tag}'})
    assert (known.status_code, known.content, known.headers["etag"]) == (304, b"", tag)
    await deployment.complete("j")
    assert (await client.get("/jobs/j", headers={"If-None-Match": tag})).status_code == 200


async def test_head_is_get_without_a_body(client):
    await client.post("/jobs", json=job_body(job_id="j"))
    for path in ("/jobs", "/jobs/j", "/batches"):
        assert (await client.head(path)).status_code == 200
