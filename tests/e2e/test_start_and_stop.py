"""How the running product starts, refuses to, and ends: by order, by force, and on a full disk."""

import os
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

import pytest
from deployment import SERVICES, Up, eventually, processes
from nats_server import free_port

EVENTJOB = Path(sys.executable).with_name("eventjob")
STOPS_WITHIN_S = 10.0
MORE_THAN_THERE_IS_MB = 1024 * 1024
PARAMETERS = {
    "event": "E",
    "session": "S",
    "url": "http://127.0.0.1:9/closed",
    "filename": "f.md",
    "track": "T",
}


@pytest.fixture
def up(tmp_path):
    with Up(tmp_path) as up:
        yield up


def post(up, job_id):
    """Whether the job was created."""
    return up.post("/jobs", {"job_id": job_id, "parameters": PARAMETERS}).status == 201


def jobs(up):
    """What is known of all jobs, and does not change by itself."""
    listed = up.get("/jobs?limit=1000").json["jobs"]
    return {job["job_id"]: (job["created_at"], job["parameters"]) for job in listed}


def refusal(up, **settings):
    """How another `up` ends that is started beside this one: exit code, stdout, stderr."""
    environ = {**up.environ, "EVENTJOB_PORT": str(free_port()), **settings}
    done = subprocess.run(
        [EVENTJOB, "up"], env=environ, capture_output=True, text=True, timeout=20, check=False
    )
    return done.returncode, done.stdout, done.stderr


def are_gone(pids):
    """Ended, and at most not yet missed by whoever inherited them."""
    left = {pid for pid, _, command in processes() if any(command)}
    return not left & set(pids)


def test_killed_it_takes_all_along_and_the_next_one_goes_on(up):
    assert post(up, "kept")
    before = jobs(up)
    below = up.descendants()
    assert len(below) >= 6
    up.process.kill()
    up.process.wait()
    eventually("all to be gone", 5, lambda: are_gone(below))
    up.stop()
    up.start()
    assert jobs(up) == before
    assert not post(up, "kept")
    assert post(up, "new")


def test_a_second_one_leaves_the_first_alone(up):
    code, said, complaint = refusal(up)
    folder = up.environ["EVENTJOB_DATA_DIR"]
    assert (code, said) == (1, "")
    assert folder in complaint
    assert f"pid {up.process.pid}" in complaint
    other = str(up.folder / "other")
    code, said, complaint = refusal(up, EVENTJOB_DATA_DIR=other, EVENTJOB_PORT=str(up.port))
    assert (code, said) == (1, "")
    assert f"port {up.port}" in complaint
    assert "Address already in use" in complaint
    assert post(up, "after")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_told_to_stop_it_does_at_once_and_loses_nothing(up, number):
    created, stop = [], Event()

    def keep_posting(client):
        n = 0
        while not stop.is_set():
            n += 1
            try:
                if post(up, f"job-{client}-{n}"):
                    created.append(f"job-{client}-{n}")
            except OSError:
                return

    with ThreadPoolExecutor(8) as pool:
        clients = [pool.submit(keep_posting, client) for client in range(8)]
        eventually("jobs", 20, lambda: len(created) >= 50)
        below = up.descendants()
        began = time.monotonic()
        up.process.send_signal(number)
        assert up.process.wait(20) == 0
        assert time.monotonic() - began < STOPS_WITHIN_S
        stop.set()
    assert all(client.exception() is None for client in clients)
    eventually("all to be gone", 2, lambda: are_gone(below))
    up.stop()
    up.start()
    assert set(created) <= set(jobs(up))


def test_what_hangs_is_ended_in_time(up):
    below = up.descendants()
    for service in SERVICES:
        os.kill(up.children()[service][0], signal.SIGSTOP)
    began = time.monotonic()
    assert up.stop() == 0
    assert time.monotonic() - began < STOPS_WITHIN_S
    eventually("all to be gone", 2, lambda: are_gone(below))


def test_every_wrong_setting_is_named_and_nothing_is_begun(tmp_path):
    wrong = {
        "EVENTJOB_PORT": "99999",
        "EVENTJOB_HOST": "not a host",
        "EVENTJOB_ANONYMOUS": "maybe",
        "EVENTJOB_MAX_BODY_MB": "-1",
        "EVENTJOB_CONCURRENCY": "many",
        "EVENTJOB_FETCH_ALLOW": "everything",
        "EVENTJOB_STORE_URL": "mysql://root:hunter2@db/x",
        "EVENTJOB_NATS_PASSWORD": "hunter3",
        "EVENTJOB_NO_SUCH_THING": "1",
    }
    code, said, complaint = refusal(Up(tmp_path), **wrong)
    assert (code, said) == (2, "")
    lines = complaint.splitlines()
    expected = set(wrong) - {"EVENTJOB_NATS_PASSWORD"} | {"EVENTJOB_NATS_USER"}
    assert {line.split()[0] for line in lines} == expected
    assert "hunter" not in complaint
    assert "Traceback" not in complaint
    assert not (tmp_path / "data").exists()


def test_with_a_full_disk_it_takes_nothing_more_but_deletes(up):
    if shutil.disk_usage(up.folder).free > MORE_THAN_THERE_IS_MB * 1024 * 1024:
        pytest.skip("this disk is larger than the largest setting")
    assert post(up, "big")
    assert post(up, "kept")
    assert (
        up.post("/batches", {"batch_id": "b", "jobs": [{"parameters": PARAMETERS}]}).status == 201
    )
    up.stop()
    up.environ["EVENTJOB_MIN_FREE_MB"] = str(MORE_THAN_THERE_IS_MB)
    up.launch()
    reason = ["too little disk space is left"]

    def is_full():
        try:
            return up.get("/readyz").json.get("details") == reason
        except OSError:
            return False

    eventually("it to be ready but for the disk", 20, is_full)
    for path, body in [
        ("/jobs", {"parameters": PARAMETERS}),
        ("/jobs", {"parameters": PARAMETERS, "batch_id": "b"}),
        ("/batches", {"jobs": []}),
        ("/jobs/kept/restart", None),
    ]:
        answer = up.post(path, body)
        assert (answer.status, answer.json["error_type"]) == (503, "storage_full"), answer
        assert int(answer.headers["retry-after"]) >= 1
    assert up.delete("/jobs/big").status == 200
    assert up.post("/batches/fail-all").status == 200
    assert up.delete("/batches/b").status == 200
    assert set(jobs(up)) == {"kept"}
