"""A batch that runs again: what is asked of the site the second time, and what becomes of it."""

import hashlib

import pytest
from deployment import Up, session, without_pauses
from logged_site import LoggedSite
from verify import check_completed

SCHEDULED = ("Janson", "schedule")
TALKS = ("1", "2", "large", "3")
NEW, UNCHANGED = {(False, 200)}, {(True, 304)}  # whether it was conditional, and the answer


@pytest.fixture(scope="module")
def site():
    with LoggedSite(talks=TALKS) as site:
        yield site


def run(up, site, name, folder="talks", **more):
    """The ZIPs of a batch's sessions by their digests, and what the site was asked for them."""
    site.log.clear()
    jobs = [session(f"{site.url}/{folder}/{talk}/", f"Session {talk}") for talk in TALKS]
    ids = up.submit(name, jobs, **more)
    assert up.finish(name)["status"] == "completed"
    digests = []
    for job_id in ids:
        job = up.get(f"/jobs/{job_id}").json["job"]
        check_completed(up, job)
        front = job["results"]["structured_data"]
        assert (len(front["slides"]), len(front["images"])) == (1, 1)
        assert (front["room"], front["extraction"]["field_sources"]["room"]) == SCHEDULED
        archive = up.get(f"/jobs/{job_id}/download-archive")
        digests.append(hashlib.sha256(archive.data).hexdigest())
    how = {(request.is_conditional, request.status) for request in site.log}
    return digests, {request.path for request in site.log}, how, len(site.log)


def of(folder):
    """The paths of all that belongs to the sessions."""
    names = ("", "slides.pdf", "figure.png")
    return {f"/{folder}/{talk}/{name}" for talk in TALKS for name in names}


def test_a_second_run_asks_only_whether_anything_has_changed(tmp_path, site):
    once = {"/robots.txt", "/talks/schedule.xml"}  # by each process
    with Up(tmp_path, **without_pauses(site.port)) as up:
        first, paths, how, _ = run(up, site, "one")
        assert (paths, how) == (of("talks") | once, NEW)
        assert run(up, site, "two")[:3] == (first, of("talks"), UNCHANGED)
        anew = run(up, site, "anew", use_cache=False)
        assert anew[:3] == (first, of("talks"), NEW)
        assert up.delete("/batches/one").status == 200  # what it was made of can be had again
        assert run(up, site, "three")[:3] == (first, of("talks"), UNCHANGED)

        not_kept, *_ = run(up, site, "not-kept", "no-store")
        again = run(up, site, "not-kept-2", "no-store")
        assert again[:3] == (not_kept, of("no-store"), NEW)
        fresh, _, _, asked = run(up, site, "fresh", "fresh")
        assert asked == len(of("fresh")) + 1  # and the schedule

        up.stop()
        up.start()
        assert run(up, site, "fresh-2", "fresh") == (fresh, set(), set(), 0)
        assert run(up, site, "four")[:3] == (first, of("talks") | once, UNCHANGED)
