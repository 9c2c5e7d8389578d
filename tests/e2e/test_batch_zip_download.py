"""The ZIP of a whole batch, as a client gets it from the running product."""

import os
import shutil
import signal
import subprocess

import pytest
from deployment import eventually, session
from verify import all_jobs, check_zip

FOLDER = "Test Conference/Main"
LONG = pytest.mark.long


def submit(up, site, batch_id, *paths):
    jobs = [
        session(
            f"{site.url}/{path}/",
            f"The {path}",
            event="Test Conference",
            track="Main",
            filename=path.rpartition("/")[2],
            attachments_url=f"{site.url}/{path}/slides.pdf",
        )
        for path in paths
    ]
    return up.submit(batch_id, jobs, batch_name=f"Name of {batch_id}")


def ask(up, batch_id):
    return up.get(f"/batches/{batch_id}/download-archive")


def markdowns(up, batch_id):
    members = check_zip(up.zip_of(batch_id).data)
    return {path for path in members if path.endswith(".md") and "/" in path}


def test_it_is_built_once_asked_for_and_holds_every_session(up, held):
    submit(up, held, "all", "a/talk", "b/talk", "c/other", "missing")
    running = ask(up, "all")
    assert (running.status, running.json["error_type"]) == (409, "conflict")
    assert "is still running" in running.json["message"]
    held.hold.set()
    up.finish("all")
    asked = ask(up, "all")
    assert (asked.status, asked.headers["retry-after"]) == (409, "2")
    assert asked.json["message"] == "the ZIP is being built"
    answer = up.zip_of("all")
    assert answer.headers["content-disposition"] == 'attachment; filename="Name of all.zip"'
    members = check_zip(answer.data)
    talks = ("talk", "talk-2/talk", "other")
    files = [
        f"{talk}{end}" for talk in talks for end in (".md", "/slides.pdf", "/slides/page-001.jpg")
    ]
    assert set(members) == {"README.md", "manifest.json", *(f"{FOLDER}/{file}" for file in files)}
    index = members["README.md"].decode()
    assert index.startswith("# Name of all\n\n## Test Conference\n\n### Main\n\n- [")
    assert "(Test%20Conference/Main/talk-2/talk.md)" in index
    assert "- Test Conference - Main - The missing: `http_404`" in index
    for job in all_jobs(up, "all"):
        assert job["job_id"].encode() not in answer.data


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl on this machine")
def test_the_same_results_give_the_same_bytes_also_when_the_old_ones_are_gone(up, site, tmp_path):
    jobs = submit(up, site, "twice", "d/one", "d/two")
    up.finish("twice")
    first = up.zip_of("twice")
    sha256 = first.headers["etag"].strip('"')
    (up.data / "artifacts/blobs" / sha256[:2] / sha256[2:4] / sha256).unlink()
    assert ask(up, "twice").status == 409
    assert up.zip_of("twice").data == first.data
    assert up.post(f"/jobs/{jobs[0]}/restart").status == 200
    assert ask(up, "twice").status == 409
    up.finish("twice")
    assert ask(up, "twice").status == 409
    whole = up.zip_of("twice").data
    assert whole == first.data
    target = tmp_path / "cut.zip"
    target.write_bytes(whole[: len(whole) // 2])
    resume(up, "twice", target)
    assert target.read_bytes() == whole


def resume(up, batch_id, target):
    """curl goes on where a download was cut off."""
    command = ["curl", "-sf", "-C", "-", "-H", "X-User-ID: ann", "-o", str(target)]
    command += ["-w", "%{http_code}", f"{up.url}/batches/{batch_id}/download-archive"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stdout) == (0, "206"), done


def test_what_was_deleted_is_in_no_zip_from_then_on(up, site):
    jobs = submit(up, site, "less", "e/stays", "e/goes")
    up.finish("less")
    assert f"{FOLDER}/goes.md" in markdowns(up, "less")
    assert up.delete(f"/jobs/{jobs[1]}").status == 200
    assert ask(up, "less").status == 409
    assert markdowns(up, "less") == {f"{FOLDER}/stays.md"}
    assert up.delete(f"/jobs/{jobs[0]}").status == 200
    assert ask(up, "less").status == 404
    assert up.delete("/batches/less").status == 200
    assert ask(up, "less").status == 404


def test_a_paused_batch_gives_what_it_has_and_later_the_rest(up, site):
    submit(up, site, "slow", "f/first")
    up.finish("slow")
    assert up.post("/batches/slow/toggle-active", {"active": False}).status == 200
    second = session(f"{site.url}/f/second", "second", event="Test Conference", track="Main")
    assert up.post("/jobs", {"batch_id": "slow", **second}).status == 201
    assert markdowns(up, "slow") == {f"{FOLDER}/first.md"}
    assert up.post("/batches/slow/toggle-active", {"active": True}).status == 200
    up.finish("slow")
    assert len(markdowns(up, "slow")) == 2


@pytest.mark.parametrize(
    "service",
    [
        "archiver",
        "scheduler",
        pytest.param("nats-server", marks=LONG),
        pytest.param("projector", marks=LONG),
    ],
)
def test_a_crash_in_the_middle_costs_time_and_nothing_else(up, site, service):
    """The service stands still when the ZIP is asked for, and is killed before it does its part."""
    name = f"crash-{service}"
    submit(up, site, name, *(f"h/{n}" for n in range(6)))
    up.finish(name)
    for pid in up.children()[service]:
        os.kill(pid, signal.SIGSTOP)
    assert ask(up, name).status in {409, 503}
    assert up.kill(service)
    eventually("all to be back", 60, up.is_ready)
    assert len(markdowns(up, name)) == 6
