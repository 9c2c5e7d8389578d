"""The whole machine with its artifacts on S3."""

import hashlib
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from deployment import Up, eventually, without_pauses
from logged_site import LoggedSite
from s3_server import S3Server
from verify import all_jobs, check_completed, check_counters, check_zip

URL = "s3://artifacts/of/ours"
PREFIX = "of/ours/blobs/"
ANN = {"X_User_ID": "ann"}
JOBS = 8
WITHIN_S = 90


@pytest.fixture(scope="module")
def server():
    with S3Server() as server:
        yield server


def session(site, name):
    url = f"{site.url}/talks/{name}/"
    return {
        "parameters": {"event": "E", "track": "T", "session": name, "url": url, "filename": name}
    }


def did(up, *arguments):
    command = [str(Path(sys.executable).with_name("eventjob")), *arguments]
    done = subprocess.run(
        command, env=up.environ, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done
    return done.stdout


def batch_zip(up):
    found = []

    def is_built():
        found[:] = [up.get("/batches/b/download-archive", **ANN)]
        assert found[0].status in {200, 409}, found
        return found[0].status == 200

    eventually("the batch's ZIP", WITHIN_S, is_built)
    return found[0].data


def test_a_batch_from_its_start_to_its_backup_and_end(tmp_path, server):
    settings = {"EVENTJOB_ARTIFACTS_URL": URL, **server.settings()}
    with LoggedSite() as site, Up(tmp_path, **settings, **without_pauses(site.port)) as up:
        jobs = [session(site, f"large-{n}") for n in range(JOBS)]
        assert up.post("/batches", {"batch_id": "b", "jobs": jobs}, **ANN).status == 201
        eventually(
            "the batch",
            WITHIN_S,
            lambda: up.get("/batches/b", **ANN).json["batch"]["status"] == "completed",
        )
        assert check_counters(up, "b", **ANN)["completed_jobs"] == JOBS
        for job in all_jobs(up, "b", **ANN):
            check_completed(up, job, **ANN)
        members = check_zip(batch_zip(up))
        assert sum(path.endswith(".md") for path in members) >= JOBS
        archive = "/jobs/job-b.1/download-archive"
        whole = up.get(archive, **ANN).data
        part = up.get(archive, Range="bytes=100-299", **ANN)
        assert (part.status, part.data) == (206, whole[100:300])
        assert not (tmp_path / "data" / "artifacts").exists()
        assert all(name.startswith(PREFIX) for name in server.names())

        did(up, "backup", str(tmp_path / "backup"))
        assert "is whole" in did(up, "restore", str(tmp_path / "backup"), "--verify")
        copied = {path.name for path in (tmp_path / "backup").glob("blobs/*/*/*")}
        assert hashlib.sha256(whole).hexdigest() in copied

        needed = set(server.names())
        assert up.delete("/jobs/job-b.1", **ANN).status == 200
        server.age(timedelta(days=2))
        before = len(needed)
        assert "removed 0 blobs" not in did(up, "sweep")
        left = set(server.names())
        assert left < needed
        assert up.get(archive, **ANN).status == 404
        for job in all_jobs(up, "b", **ANN):
            check_completed(up, job, **ANN)
        print(f"{before} objects, {before - len(left)} of them swept, {len(copied)} in the backup")


def test_work_waits_for_a_server_that_is_away(tmp_path, server):
    settings = {"EVENTJOB_ARTIFACTS_URL": URL, **server.settings()}
    with LoggedSite() as site, Up(tmp_path, **settings, **without_pauses(site.port)) as up:

        def completed():
            return up.get("/batches/away", **ANN).json["batch"]["completed_jobs"]

        jobs = [session(site, f"large-{n}") for n in range(4 * JOBS)]
        assert up.post("/batches", {"batch_id": "away", "jobs": jobs}, **ANN).status == 201
        eventually("the first ones", WITHIN_S, completed)
        server.go_away()
        try:
            eventually("a wait", WITHIN_S, lambda: '"task.postponed"' in up.log())
            assert up.get("/jobs/job-away.1/download-archive", **ANN).status in {404, 503}
        finally:
            server.come_back()
        eventually("the others", WITHIN_S, lambda: completed() == len(jobs))
        for job in all_jobs(up, "away", **ANN):
            check_completed(up, job, **ANN)
        assert '"child.ended"' not in up.log()


def variables(server, **changes):
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("EVENTJOB_", "AWS_"))}
    changed = inherited | {"EVENTJOB_ARTIFACTS_URL": URL} | server.settings() | changes
    return {name: value for name, value in changed.items() if value}


@pytest.mark.parametrize(
    ("changes", "code", "expected"),
    [
        pytest.param({"EVENTJOB_ARTIFACTS_URL": "s3://other"}, 2, "says NoSuchBucket", id="bucket"),
        pytest.param(
            {"AWS_ENDPOINT_URL": "http://127.0.0.1:1"},
            1,
            "http://127.0.0.1:1 does not answer: Connection refused",
            id="refused",
        ),
        pytest.param({"AWS_ALLOW_HTTP": ""}, 2, "AWS_ALLOW_HTTP=true", id="not https"),
        pytest.param({"AWS_ENDPOINT_URL": "ftp://x"}, 2, "https://host", id="scheme of endpoint"),
        pytest.param(
            {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""},
            2,
            "AWS_ACCESS_KEY_ID",
            id="no credentials",
        ),
        pytest.param({"AWS_SECRET_ACCESS_KEY": ""}, 2, "SecretAccessKey", id="half of them"),
        pytest.param(
            {"EVENTJOB_ARTIFACTS_URL": "http://host/bucket"}, 2, "s3://bucket/prefix", id="scheme"
        ),
        pytest.param(
            {"EVENTJOB_ARTIFACTS_URL": "s3://me:hush@artifacts"},
            2,
            "a URL without a user",
            id="user",
        ),
    ],
)
def test_a_wrong_setting_is_one_line(tmp_path, server, changes, code, expected):
    environ = variables(server, **changes) | {
        "EVENTJOB_NATS_URL": "nats://127.0.0.1:1",
        "EVENTJOB_DATA_DIR": str(tmp_path),
    }
    service = "scheduler" if code == 1 else "processor"
    command = [str(Path(sys.executable).with_name("eventjob")), service]
    ended = subprocess.run(
        command, env=environ, capture_output=True, text=True, timeout=60, check=False
    )
    [line] = ended.stderr.splitlines()
    assert "EVENTJOB_ARTIFACTS_URL is '" in line
    assert expected in line
    assert "hush" not in line
    assert ended.returncode == code
