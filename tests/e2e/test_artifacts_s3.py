"""The whole machine with its artifacts on S3."""

import hashlib
from datetime import timedelta

import pytest
from deployment import Up, eventually, session, without_pauses
from logged_site import LoggedSite
from s3_server import S3Server
from verify import all_jobs, check_completed, check_counters, check_zip

from eventjob.artifacts.open_artifacts import reach_artifacts
from eventjob.runtime.lifecycle import CannotStart
from eventjob.runtime.settings import SettingsError, read_settings

URL = "s3://artifacts/of/ours"
PREFIX = "of/ours/blobs/"
JOBS = 16


@pytest.fixture(scope="module")
def server():
    with S3Server() as server:
        yield server


def test_a_batch_from_its_start_to_its_backup_and_end(tmp_path, server):
    settings = {"EVENTJOB_ARTIFACTS_URL": URL, **server.settings()}
    with LoggedSite() as site, Up(tmp_path, "ann", **settings, **without_pauses(site.port)) as up:
        names = [f"large-{n}" for n in range(JOBS)]
        up.submit("b", [session(f"{site.url}/talks/{name}/", name) for name in names])
        eventually("the first ones", 90, lambda: up.batch("b")["completed_jobs"])
        server.go_away()
        try:
            eventually("a wait", 90, lambda: '"task.postponed"' in up.log())
            assert up.get("/jobs/job-b.1/download-archive").status in {404, 503}
        finally:
            server.come_back()
        up.finish("b")
        assert '"child.ended"' not in up.log()
        assert check_counters(up, "b")["completed_jobs"] == JOBS
        for job in all_jobs(up, "b"):
            check_completed(up, job)
        members = check_zip(up.zip_of("b").data)
        assert sum(path.endswith(".md") for path in members) >= JOBS
        archive = "/jobs/job-b.1/download-archive"
        whole = up.get(archive).data
        part = up.get(archive, Range="bytes=100-299")
        assert (part.status, part.data) == (206, whole[100:300])
        assert not (up.data / "artifacts").exists()
        needed = set(server.names())
        assert all(name.startswith(PREFIX) for name in needed)

        up.did("backup", tmp_path / "backup")
        assert "is whole" in up.did("restore", tmp_path / "backup", "--verify")
        copied = {path.name for path in (tmp_path / "backup").glob("blobs/*/*/*")}
        assert hashlib.sha256(whole).hexdigest() in copied
        assert up.delete("/jobs/job-b.1").status == 200
        server.age(timedelta(days=2))
        assert "removed 0 blobs" not in up.did("sweep")
        assert set(server.names()) < needed
        assert up.get(archive).status == 404
        for job in all_jobs(up, "b"):
            check_completed(up, job)


BUCKET = "EVENTJOB_ARTIFACTS_URL"
NO_KEYS = {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}
REFUSED = "http://127.0.0.1:1 does not answer: Connection refused"
# what is changed, and what is said of it
WRONG = {
    "bucket": ({BUCKET: "s3://other"}, "says NoSuchBucket"),
    "refused": ({"AWS_ENDPOINT_URL": "http://127.0.0.1:1"}, REFUSED),
    "not https": ({"AWS_ALLOW_HTTP": ""}, "AWS_ALLOW_HTTP=true"),
    "scheme of endpoint": ({"AWS_ENDPOINT_URL": "ftp://x"}, "https://host"),
    "no credentials": (NO_KEYS, "AWS_ACCESS_KEY_ID"),
    "half of them": ({"AWS_SECRET_ACCESS_KEY": ""}, "SecretAccessKey"),
    "scheme": ({BUCKET: "http://host/bucket"}, "s3://bucket/prefix"),
    "user": ({BUCKET: "s3://me:hush@artifacts"}, "a URL without a user"),
}


@pytest.mark.parametrize("name", WRONG)
async def test_a_wrong_setting_is_one_line(monkeypatch, server, name):
    changes, expected = WRONG[name]
    for variable, value in (server.settings() | changes).items():
        monkeypatch.setenv(variable, value)
        if not value:
            monkeypatch.delenv(variable)
    with pytest.raises(CannotStart if name == "refused" else SettingsError) as told:
        await reach_artifacts(read_settings({BUCKET: changes.get(BUCKET, URL)}).artifacts_url)
    line = str(told.value)
    assert line.startswith("EVENTJOB_ARTIFACTS_URL is '")
    assert expected in line
    assert "hush" not in line
    assert "\n" not in line
