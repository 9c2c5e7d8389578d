"""The ZIP of a whole batch, as a client gets it from the running product."""

import os
import shutil
import signal
import subprocess

import pytest
from deployment import Up, eventually, without_pauses
from pages import Site
from verify import all_jobs, check_zip

OWNER = {"X_User_ID": "docs-team"}
READY_WITHIN_S = 60
LONG = bool(os.environ.get("EVENTJOB_TEST_LONG"))
CRASHING = ("archiver", "scheduler", "nats-server", "projector")[: None if LONG else 2]


def settings(site):
    return {
        **without_pauses(site.port),
        "EVENTJOB_RETRY_BASE_S": "0.2",
    }


@pytest.fixture(scope="module")
def site():
    with Site() as site:
        yield site


@pytest.fixture(scope="module")
def shared_up(tmp_path_factory, site):
    with Up(tmp_path_factory.mktemp("zip"), **settings(site)) as up:
        yield up


def sessions(site, *paths):
    return [
        {
            "parameters": {
                "event": "Test Conference",
                "session": f"The {path}",
                "url": f"{site.url}/{path}/",
                "filename": path.rpartition("/")[2],
                "track": "Main",
                "attachments_url": f"{site.url}/{path}/slides.pdf",
            }
        }
        for path in paths
    ]


def post(up, batch_id, jobs):
    body = {"batch_id": batch_id, "batch_name": f"Name of {batch_id}", "jobs": jobs}
    answer = up.patiently("POST", "/batches", body, **OWNER)
    assert answer.status == 201, answer
    return answer.json["job_ids"]


def batch(up, batch_id):
    return up.patiently("GET", f"/batches/{batch_id}", **OWNER).json["batch"]


def wait_until_done(up, batch_id):
    eventually("the batch", READY_WITHIN_S, lambda: batch(up, batch_id)["status"] != "processing")


def path_of(batch_id):
    return f"/batches/{batch_id}/download-archive"


def zip_of(up, batch_id):
    """The ZIP, once it is built."""
    answer = None

    def is_there():
        nonlocal answer
        answer = up.patiently("GET", path_of(batch_id), **OWNER)
        assert answer.status in {200, 409}, answer
        return answer.status == 200

    eventually(f"the ZIP of {batch_id}", READY_WITHIN_S, is_there)
    return answer


def markdowns(members):
    return {path for path in members if path.endswith(".md") and "/" in path}


def test_it_is_built_once_asked_for_and_holds_every_session(shared_up, site):
    up = shared_up
    site.hold.clear()
    post(up, "all", sessions(site, "a/talk", "b/talk", "c/other") + sessions(site, "missing"))
    running = up.get(path_of("all"), **OWNER)
    assert (running.status, running.json["error_type"]) == (409, "conflict")
    assert "is still running" in running.json["message"]
    site.hold.set()
    wait_until_done(up, "all")
    asked = up.get(path_of("all"), **OWNER)
    assert (asked.status, asked.headers["retry-after"]) == (409, "2")
    assert asked.json["message"] == "the ZIP is being built"
    answer = zip_of(up, "all")
    assert answer.headers["content-disposition"] == 'attachment; filename="Name of all.zip"'
    members = check_zip(answer.data)
    folder = "Test Conference/Main"
    assert set(members) == {
        "README.md",
        "manifest.json",
        f"{folder}/talk.md",
        f"{folder}/talk/slides.pdf",
        f"{folder}/talk/slides/page-001.jpg",
        f"{folder}/talk-2/talk.md",
        f"{folder}/talk-2/talk/slides.pdf",
        f"{folder}/talk-2/talk/slides/page-001.jpg",
        f"{folder}/other.md",
        f"{folder}/other/slides.pdf",
        f"{folder}/other/slides/page-001.jpg",
    }
    index = members["README.md"].decode()
    assert index.startswith("# Name of all\n\n## Test Conference\n\n### Main\n\n- [")
    assert "(Test%20Conference/Main/talk-2/talk.md)" in index
    assert "- Test Conference - Main - The missing: `http_404`" in index
    for job in all_jobs(up, "all", **OWNER):
        assert job["job_id"].encode() not in answer.data


def test_the_same_results_give_the_same_bytes_also_when_the_old_ones_are_gone(shared_up, site):
    up = shared_up
    jobs = post(up, "twice", sessions(site, "d/one", "d/two"))
    wait_until_done(up, "twice")
    first = zip_of(up, "twice")
    sha256 = first.headers["etag"].strip('"')
    blob = up.folder / "data/artifacts/blobs" / sha256[:2] / sha256[2:4] / sha256
    blob.unlink()
    assert up.get(path_of("twice"), **OWNER).status == 409
    assert zip_of(up, "twice").data == first.data
    assert up.post(f"/jobs/{jobs[0]}/restart", **OWNER).status == 200
    assert up.get(path_of("twice"), **OWNER).status == 409
    wait_until_done(up, "twice")
    assert up.get(path_of("twice"), **OWNER).status == 409
    again = zip_of(up, "twice")
    assert again.data == first.data


def test_what_was_deleted_is_in_no_zip_from_then_on(shared_up, site):
    up = shared_up
    jobs = post(up, "less", sessions(site, "e/stays", "e/goes"))
    wait_until_done(up, "less")
    assert b"goes.md" in zip_of(up, "less").data
    assert up.delete(f"/jobs/{jobs[1]}", **OWNER).status == 200
    assert up.get(path_of("less"), **OWNER).status == 409
    members = check_zip(zip_of(up, "less").data)
    assert markdowns(members) == {"Test Conference/Main/stays.md"}
    assert up.delete(f"/jobs/{jobs[0]}", **OWNER).status == 200
    assert up.get(path_of("less"), **OWNER).status == 404
    assert up.delete("/batches/less", **OWNER).status == 200
    assert up.get(path_of("less"), **OWNER).status == 404


def test_a_paused_batch_gives_what_it_has_and_later_the_rest(shared_up, site):
    up = shared_up
    post(up, "slow", sessions(site, "f/first"))
    wait_until_done(up, "slow")
    assert up.post("/batches/slow/toggle-active", {"active": False}, **OWNER).status == 200
    body = {"batch_id": "slow", **sessions(site, "f/second")[0]}
    assert up.post("/jobs", body, **OWNER).status == 201
    assert markdowns(check_zip(zip_of(up, "slow").data)) == {"Test Conference/Main/first.md"}
    assert up.post("/batches/slow/toggle-active", {"active": True}, **OWNER).status == 200
    wait_until_done(up, "slow")
    assert len(markdowns(check_zip(zip_of(up, "slow").data))) == 2


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl on this machine")
def test_curl_goes_on_where_a_download_was_cut_off(shared_up, site, tmp_path):
    up = shared_up
    post(up, "cut", sessions(site, "g/one", "g/two"))
    wait_until_done(up, "cut")
    whole = zip_of(up, "cut").data
    target = tmp_path / "cut.zip"
    target.write_bytes(whole[: len(whole) // 2])
    resume(up, "cut", target)
    assert target.read_bytes() == whole


def resume(up, batch_id, target):
    command = ["curl", "-sf", "-C", "-", "-H", "X-User-ID: docs-team", "-o", str(target)]
    done = subprocess.run(
        [*command, "-w", "%{http_code}", f"{up.url}{path_of(batch_id)}"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "206"), done


@pytest.mark.parametrize("service", CRASHING)
def test_a_crash_in_the_middle_costs_time_and_nothing_else(tmp_path, site, service):
    """The service stands still when the ZIP is asked for, and is killed before it does its part."""
    with Up(tmp_path, **settings(site)) as up:
        post(up, "crash", sessions(site, *(f"h/{n}" for n in range(6))))
        wait_until_done(up, "crash")
        for pid in up.children()[service]:
            os.kill(pid, signal.SIGSTOP)
        assert up.get(path_of("crash"), **OWNER).status in {409, 503}
        assert up.kill(service)
        eventually("all to be back", READY_WITHIN_S, up.is_ready)
        members = check_zip(zip_of(up, "crash").data)
        assert len(markdowns(members)) == 6
