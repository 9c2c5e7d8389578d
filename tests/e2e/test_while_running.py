"""What people do to batches while their jobs run, and whose turn it is."""

import time
from concurrent.futures import ThreadPoolExecutor

from deployment import eventually, session
from verify import all_jobs, check_counters, check_history


def submit(up, site, count, name):
    up.submit(name, [session(f"{site.url}/{name}-{n}", f"{name}-{n}") for n in range(count)])
    return name


def running(up, name):
    return up.batch(name)["processing_jobs"]


def test_a_paused_batch_starts_nothing_and_finishes_what_runs(up, held):
    name = submit(up, held, 30, "paused")
    eventually("jobs to start", 20, lambda: running(up, name) > 0)
    answer = up.post(f"/batches/{name}/toggle-active", {"active": False})
    assert answer.json["batch"]["isActive"] is False
    started = running(up, name)
    held.hold.set()
    eventually("what ran to finish", 30, lambda: up.batch(name)["completed_jobs"] == started)
    assert up.batch(name)["pending_jobs"] == 30 - started
    by_its_own_name = up.post(f"/batches/{name}/toggle-active", {"isActive": False})
    assert by_its_own_name.json["batch"]["isActive"] is False
    assert up.post(f"/batches/{name}/toggle-active").json["batch"]["isActive"] is True
    assert up.finish(name)["status"] == "completed"
    check_counters(up, name)


def test_fail_all_ends_what_runs_and_waits_and_rewrites_nothing(up, held):
    up = up.by("fay")  # whose batches are these alone
    done = submit(up, held, 2, "done-before")
    held.hold.set()
    assert up.finish(done)["status"] == "completed"
    before = up.get("/jobs/job-done-before.1").json["job"]
    held.hold.clear()
    name = submit(up, held, 20, "failed")
    eventually("jobs to start", 20, lambda: running(up, name) > 0)
    for query, updated in (("?dry_run=true", 1), ("", 1), ("", 0)):
        assert up.post(f"/batches/fail-all{query}").json["updated_count"] == updated
    assert up.batch(name)["status"] == "failed"
    held.hold.set()
    later = submit(up, held, 10, "after-failed")
    assert up.finish(later)["status"] == "completed"
    assert check_counters(up, name)["failed_jobs"] == 20
    for failed in all_jobs(up, name):
        assert failed["error"]["code"] == "cancelled"
        assert "fay" in failed["error"]["message"]
        assert check_history(up, failed["job_id"])[-1] == "job_failed"
    assert up.get("/jobs/job-done-before.1").json["job"] == before


def test_a_deleted_running_job_is_gone_and_its_late_result_too(up, held):
    name = submit(up, held, 8, "deleted")
    eventually("all to start", 20, lambda: running(up, name) >= 4)
    victim = next(j for j in all_jobs(up, name) if j["status"] == "processing")["job_id"]
    assert up.delete(f"/jobs/{victim}").status == 200
    held.hold.set()
    assert up.finish(name)["status"] == "completed"
    assert check_counters(up, name)["total_jobs"] == 7
    for path in (f"/jobs/{victim}", f"/jobs/{victim}/history", f"/jobs/{victim}/download-archive"):
        assert up.get(path).status == 404
    assert up.delete(f"/jobs/{victim}").status == 404


def test_a_restart_while_it_runs_discards_the_old_attempt(up, held):
    name = submit(up, held, 1, "restarted")
    eventually("it to start", 20, lambda: running(up, name) == 1)
    assert up.post("/job-restarted.1/restart").json["job"]["status"] != "completed"
    held.hold.set()
    assert up.finish(name)["status"] == "completed"
    events = up.get("/jobs/job-restarted.1/history").json["events"]
    assert [e["attempt"] for e in events if e["type"] == "job_completed"] == [2]
    assert up.post("/jobs/job-restarted.1/restart").status == 200
    assert up.batch(name)["status"] == "processing"
    assert up.finish(name)["status"] == "completed"
    check_counters(up, name)


def test_a_small_batch_does_not_wait_behind_a_large_one(up, site):
    large = submit(up, site, 10_000, "large")
    small = submit(up, site, 10, "small")
    began = time.monotonic()
    assert up.finish(small)["completed_jobs"] == 10
    done = up.batch(large)["completed_jobs"]
    print(f"10 jobs took {time.monotonic() - began:.1f} s, of 10,000 {done} were done by then")
    check_counters(up, small)
    assert done < 1000
    assert up.delete(f"/batches/{large}").status == 200
    assert up.get(f"/batches/{large}").status == 404
    assert up.get(f"/jobs?batch_id={large}").json["total"] == 0


def test_what_is_written_is_read_at_once(up, site):
    submit(up, site, 0, "counted")

    def write_and_read(number):
        body = {**session(f"{site.url}/counted-{number}", f"{number}"), "batch_id": "counted"}
        added = up.post("/jobs", body)
        assert added.status == 201, added
        job_id = added.json["job"]["job_id"]
        assert up.get(f"/jobs/{job_id}").status == 200
        return job_id

    with ThreadPoolExecutor(8) as pool:
        ids = list(pool.map(write_and_read, range(40)))
    assert len(set(ids)) == 40
    assert {j["job_id"] for j in all_jobs(up, "counted")} == set(ids)
