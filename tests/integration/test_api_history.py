"""Histories over HTTP: the whole story, and nothing that is nobody's business."""

import re
from datetime import timedelta

from fakes_api import BEGINNING, as_user, job_body, parameters

from eventjob.contracts.base import JobError
from eventjob.contracts.events import AttemptFailed, BatchCompleted, JobFailed, JobsStarted, Start

HOOK = {"url": "https://hook.example/?token=secret", "headers": {"A": "b"}}


async def told(client, path):
    body = await client.got(f"{path}/history")
    assert (body["status"], body["total"]) == ("success", len(body["events"]))
    for event in body["events"]:
        assert set(event) == {"seq", "time", "type", "actor", "attempt", "data"}
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", event["time"])
    sequences = [event["seq"] for event in body["events"]]
    assert sequences == sorted(sequences)
    return body["events"]


async def test_a_job_tells_its_life_and_no_secrets(client, deployment):
    access = {"read_access": ["zoe"], "visibility": "public"}
    body = job_body(job_id="j", webhook=HOOK, access_control=access)
    await client.sent("/jobs", body, 201, headers={"Idempotency-Key": "secret"})
    files = await deployment.complete("j")
    bundle, request_hash = (
        deployment.jobs_by_id["j"].bundle,
        deployment.records[0].event.request_hash,
    )
    await client.sent("/jobs/j/restart")
    events = await told(client, "/jobs/j")
    assert [(e["type"], e["actor"], e["attempt"]) for e in events] == [
        ("job_submitted", "ann", None),
        ("job_started", "scheduler", 1),
        ("job_fetched", "processor", 1),
        ("job_completed", "archiver", 1),
        ("job_restarted", "ann", 2),
    ]
    assert events[0]["data"]["parameters"]["url"] == parameters()["url"]
    assert [file["path"] for file in events[2]["data"]["files"]] == ["Ev/Tr/s.md"]
    text = (await client.get("/jobs/j/history", headers=as_user("eve"))).text
    for secret in ("zoe", "hook", "secret", bundle, request_hash, files["Ev/Tr/s.md"].sha256):
        assert secret not in text


async def test_a_job_tells_of_its_failures(client, deployment):
    await client.new_job("j")
    error = JobError(code="timeout", message="no answer within 10 s")
    later = BEGINNING + timedelta(seconds=8)
    failed = AttemptFailed(attempt=1, error=error, retry_at=later, at=BEGINNING)
    deployment.append("j-j", 1, failed)
    deployment.append("j-j", 1, JobFailed(attempt=2, error=error, at=BEGINNING))
    *_, first, second = await told(client, "/jobs/j")
    assert first["type"] == "attempt_failed"
    assert first["data"]["retry_at"] == "2030-01-01T00:00:08.000Z"
    assert (second["type"], second["data"]["error"]["code"]) == ("job_failed", "timeout")


async def test_a_job_of_a_batch_begins_with_its_submission(client, deployment):
    jobs = [job_body(parameters=parameters(session=name)) for name in ("One", "Two", "Three")]
    await client.sent("/batches", {"jobs": jobs, "batch_id": "b"}, 201)
    starts = JobsStarted(starts=[Start(1, 1), Start(2, 1)], deadline=BEGINNING, at=BEGINNING)
    deployment.append("b-b", None, starts)
    await client.sent("/batches/fail-all")
    events = await told(client, "/jobs/job-b.2")
    assert [event["type"] for event in events] == ["job_submitted", "job_started", "job_failed"]
    assert events[0]["data"]["parameters"]["session"] == "Two"
    others = await told(client, "/jobs/job-b.3")
    assert [event["type"] for event in others] == ["job_submitted", "job_failed"]


async def test_a_batch_tells_its_life(client, deployment):
    await client.new_batch("b", 2, webhook=HOOK, batch_name="B")
    await client.sent("/jobs", job_body(batch_id="b"), 201)
    for path in ("toggle-active", "toggle-active", "archive"):
        await client.sent(f"/batches/b/{path}")
    await client.sent("/batches/b/archive", {"archived": False})
    await client.sent("/batches/fail-all")
    deployment.append("b-b", None, BatchCompleted(status="failed", at=BEGINNING))
    events = await told(client, "/batches/b")
    assert [(e["type"], e["data"]) for e in events if e["type"] != "job_failed"] == [
        ("batch_submitted", {"batch_name": "B", "total_jobs": 2}),
        ("jobs_added", {"first": 1, "jobs": 2}),
        ("jobs_added", {"first": 3, "jobs": 1}),
        ("batch_paused", {}),
        ("batch_resumed", {}),
        ("batch_archived", {}),
        ("batch_unarchived", {}),
        ("batch_completed", {"status": "failed"}),
    ]
    (failed,) = [event for event in events if event["type"] == "job_failed"]
    assert failed["data"]["jobs"] == 3
