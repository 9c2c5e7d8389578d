"""A batch that runs twice: what is asked of the site the second time, and what becomes of it."""

import hashlib

import pytest
from deployment import Up, eventually, without_pauses
from logged_site import LoggedSite
from verify import check_completed

SCHEDULED = ("Janson", "schedule")
ASKED_ONCE = {"/robots.txt", "/talks/schedule.xml"}  # by each process
TALKS = ("1", "2", "large", "3")


@pytest.fixture(scope="module")
def site():
    with LoggedSite(talks=TALKS) as site:
        yield site


@pytest.fixture
def up(site, tmp_path):
    with Up(tmp_path, **without_pauses(site.port)) as up:
        yield up


def run(up, site, name, folder="talks", **more):
    """The ZIPs of a batch's sessions by their digests, and what the site was asked for them."""
    jobs = [
        {
            "parameters": {
                "event": "E",
                "track": "T",
                "session": f"Session {talk}",
                "url": f"{site.url}/{folder}/{talk}/",
                "filename": f"session-{talk}.md",
            }
        }
        for talk in TALKS
    ]
    site.log.clear()
    answer = up.post("/batches", {"batch_id": name, "jobs": jobs} | more)
    assert answer.status == 201, answer
    eventually(
        "the batch", 60, lambda: up.get(f"/batches/{name}").json["batch"]["status"] == "completed"
    )
    digests = []
    for number in range(1, len(TALKS) + 1):
        job = up.get(f"/jobs/job-{name}.{number}").json["job"]
        check_completed(up, job)
        front = job["results"]["structured_data"]
        assert (len(front["slides"]), len(front["images"])) == (1, 1)
        assert (front["room"], front["extraction"]["field_sources"]["room"]) == SCHEDULED
        archive = up.get(f"/jobs/job-{name}.{number}/download-archive")
        digests.append(hashlib.sha256(archive.data).hexdigest())
    return digests, list(site.log)


def asked(folder):
    """The paths of all that belongs to the sessions."""
    return {
        f"/{folder}/{talk}/{name}" for talk in TALKS for name in ("", "slides.pdf", "figure.png")
    }


def test_a_second_run_asks_only_whether_anything_has_changed(up, site):
    first, log = run(up, site, "one")
    assert {request.path for request in log} == asked("talks") | ASKED_ONCE
    assert {(request.is_conditional, request.status) for request in log} == {(False, 200)}

    second, log = run(up, site, "two")
    assert {request.path for request in log} == asked("talks")
    assert {(request.is_conditional, request.status) for request in log} == {(True, 304)}
    assert second == first

    up.stop()
    up.start()
    third, log = run(up, site, "three")
    assert {request.path for request in log} == asked("talks") | ASKED_ONCE
    assert {(request.is_conditional, request.status) for request in log} == {(True, 304)}
    assert third == first

    anew, log = run(up, site, "four", use_cache=False)
    assert {request.path for request in log} == asked("talks")
    assert {(request.is_conditional, request.status) for request in log} == {(False, 200)}
    assert anew == first


def test_what_says_that_it_is_fresh_is_not_asked_for(up, site):
    first, log = run(up, site, "one", "fresh")
    assert len(log) == len(asked("fresh")) + 2
    up.stop()
    up.start()
    assert run(up, site, "two", "fresh") == (first, [])


def test_what_may_not_be_stored_is_fetched_each_time(up, site):
    first, _ = run(up, site, "one", "no-store")
    second, log = run(up, site, "two", "no-store")
    assert {request.path for request in log} == asked("no-store")
    assert {(request.is_conditional, request.status) for request in log} == {(False, 200)}
    assert second == first


def test_what_a_deleted_batch_was_made_of_can_be_fetched_again(up, site):
    first, _ = run(up, site, "one")
    assert up.delete("/batches/one").status == 200
    second, log = run(up, site, "two")
    assert {(request.is_conditional, request.status) for request in log} == {(True, 304)}
    assert second == first
