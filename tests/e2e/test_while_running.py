"""What people do to batches while their jobs run, and whose turn it is."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from deployment import Up, eventually, without_pauses
from pages import Site
from verify import all_jobs, check_counters, check_history

ANN = {"X_User_ID": "ann"}


def job(site, name):
    return {
        "parameters": {
            "event": "E",
            "session": name,
            "url": f"{site.url}/{name}",
            "filename": f"{name}.md",
            "track": "T",
        }
    }


@pytest.fixture(scope="module")
def site():
    with Site() as site:
        yield site


@pytest.fixture(scope="module")
def up(tmp_path_factory, site):
    settings = {
        **without_pauses(site.port),
        "EVENTJOB_RETRY_BASE_S": "0.2",
        "EVENTJOB_CONCURRENCY": "8",
    }
    with Up(tmp_path_factory.mktemp("running"), **settings) as up:
        yield up


@pytest.fixture
def held(site):
    """The site answers nothing until the test lets it; nothing can be finished meanwhile."""
    site.hold.clear()
    yield site
    site.hold.set()


def post(up, site, count, name):
    body = {"batch_id": name, "jobs": [job(site, f"{name}-{n}") for n in range(count)]}
    answer = up.post("/batches", body, **ANN)
    assert answer.status in {201, 202}, answer  # 202: accepted, on a machine too busy to show it
    eventually("the batch to be shown", 30, lambda: up.get(f"/batches/{name}", **ANN).status == 200)
    return name


def batch(up, name):
    return up.get(f"/batches/{name}", **ANN).json["batch"]


def running(up, name):
    return batch(up, name)["processing_jobs"]


def test_a_paused_batch_starts_nothing_and_finishes_what_runs(up, held):
    name = post(up, held, 30, "paused")
    eventually("jobs to start", 20, lambda: running(up, name) > 0)
    answer = up.post(f"/batches/{name}/toggle-active", {"active": False}, **ANN)
    assert answer.json["batch"]["isActive"] is False
    started = running(up, name)
    held.hold.set()
    eventually("what ran to finish", 30, lambda: batch(up, name)["completed_jobs"] == started)
    assert batch(up, name)["pending_jobs"] == 30 - started
    by_its_own_name = up.post(f"/batches/{name}/toggle-active", {"isActive": False}, **ANN)
    assert by_its_own_name.json["batch"]["isActive"] is False
    assert up.post(f"/batches/{name}/toggle-active", **ANN).json["batch"]["isActive"] is True
    eventually("the batch", 60, lambda: batch(up, name)["status"] == "completed")
    check_counters(up, name, **ANN)


def test_fail_all_ends_what_runs_and_waits_and_rewrites_nothing(up, held):
    done = post(up, held, 2, "done-before")
    held.hold.set()
    eventually("the first batch", 30, lambda: batch(up, done)["status"] == "completed")
    before = up.get("/jobs/job-done-before.1", **ANN).json["job"]
    held.hold.clear()
    name = post(up, held, 20, "failed")
    eventually("jobs to start", 20, lambda: running(up, name) > 0)
    assert up.post("/batches/fail-all?dry_run=true", **ANN).json["updated_count"] == 1
    assert up.post("/batches/fail-all", **ANN).json["updated_count"] == 1
    assert up.post("/batches/fail-all", **ANN).json["updated_count"] == 0
    assert batch(up, name)["status"] == "failed"
    held.hold.set()
    later = post(up, held, 10, "after-failed")
    eventually("a later batch", 60, lambda: batch(up, later)["status"] == "completed")
    assert check_counters(up, name, **ANN)["failed_jobs"] == 20
    for failed in all_jobs(up, name, **ANN):
        assert failed["error"]["code"] == "cancelled"
        assert "ann" in failed["error"]["message"]
        assert check_history(up, failed["job_id"], **ANN)[-1] == "job_failed"
    assert up.get("/jobs/job-done-before.1", **ANN).json["job"] == before


def test_a_deleted_running_job_is_gone_and_its_late_result_too(up, held):
    name = post(up, held, 8, "deleted")
    eventually("all to start", 20, lambda: running(up, name) >= 4)
    victim = next(j for j in all_jobs(up, name, **ANN) if j["status"] == "processing")["job_id"]
    assert up.delete(f"/jobs/{victim}", **ANN).status == 200
    held.hold.set()
    eventually("the others", 60, lambda: batch(up, name)["status"] == "completed")
    assert check_counters(up, name, **ANN)["total_jobs"] == 7
    for path in (f"/jobs/{victim}", f"/jobs/{victim}/history", f"/jobs/{victim}/download-archive"):
        assert up.get(path, **ANN).status == 404
    assert up.delete(f"/jobs/{victim}", **ANN).status == 404


def test_a_restart_while_it_runs_discards_the_old_attempt(up, held):
    name = post(up, held, 1, "restarted")
    eventually("it to start", 20, lambda: running(up, name) == 1)
    assert up.post("/job-restarted.1/restart", **ANN).json["job"]["status"] != "completed"
    held.hold.set()
    eventually("the batch", 60, lambda: batch(up, name)["status"] == "completed")
    events = up.get("/jobs/job-restarted.1/history", **ANN).json["events"]
    assert [e["attempt"] for e in events if e["type"] == "job_completed"] == [2]
    assert up.post("/jobs/job-restarted.1/restart", **ANN).status == 200
    assert batch(up, name)["status"] == "processing"
    eventually("it again", 60, lambda: batch(up, name)["status"] == "completed")
    check_counters(up, name, **ANN)


def test_a_small_batch_does_not_wait_behind_a_large_one(up, site):
    large = post(up, site, 10_000, "large")
    small = post(up, site, 10, "small")
    began = time.monotonic()
    eventually("the small batch", 60, lambda: batch(up, small)["status"] == "completed")
    found = check_counters(up, small, **ANN)
    done = batch(up, large)["completed_jobs"]
    print(f"10 jobs took {time.monotonic() - began:.1f} s, of 10,000 {done} were done by then")
    assert found["completed_jobs"] == 10
    assert done < 1000
    assert up.delete(f"/batches/{large}", **ANN).status == 200
    assert up.get(f"/batches/{large}", **ANN).status == 404
    assert up.get(f"/jobs?batch_id={large}", **ANN).json["total"] == 0


def test_what_is_written_is_read_at_once(up, site):
    post(up, site, 0, "counted")

    def write_and_read(number):
        body = {**job(site, f"counted-{number}"), "batch_id": "counted"}
        added = up.post("/jobs", body, **ANN)
        assert added.status == 201, added
        job_id = added.json["job"]["job_id"]
        assert up.get(f"/jobs/{job_id}", **ANN).status == 200
        return job_id

    with ThreadPoolExecutor(8) as pool:
        ids = list(pool.map(write_and_read, range(40)))
    assert len(set(ids)) == 40
    assert {j["job_id"] for j in all_jobs(up, "counted", **ANN)} == set(ids)
