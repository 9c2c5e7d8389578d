"""How the running product starts, refuses to, and ends: by order, by force, and on a full disk."""

import os
import shutil
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest
from deployment import CLOSED, Up, eventually, ran
from nats_server import free_port
from process_tree import SERVICES, processes

STOPS_WITHIN_S = 10.0
MORE_THAN_THERE_IS_MB = 1024 * 1024


@pytest.fixture
def up(tmp_path):
    with Up(tmp_path) as up:
        yield up


def post(up, job_id):
    """Whether the job was created."""
    return up.post("/jobs", {"job_id": job_id, **CLOSED}).status == 201


def jobs(up):
    """What is known of all jobs, and does not change by itself."""
    listed = up.get("/jobs?limit=1000").json["jobs"]
    return {job["job_id"]: (job["created_at"], job["parameters"]) for job in listed}


def refusal(up, **settings):
    """How another `up` ends that is started beside this one: exit code, stdout, stderr."""
    return ran({**up.environ, "EVENTJOB_PORT": f"{free_port()}", **settings}, "up", within_s=60)


def are_gone(pids):
    """Ended, and at most not yet missed by whoever inherited them."""
    left = {pid for pid, _, command in processes() if any(command)}
    return not left & set(pids)


def test_killed_it_takes_all_along_and_the_next_one_goes_on(up):
    assert post(up, "kept")
    check_a_second_one(up)
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

    below = up.descendants()
    for service in SERVICES:
        os.kill(up.children()[service][0], signal.SIGSTOP)
    began = time.monotonic()
    assert up.stop() == 0  # what hangs is ended in time
    assert time.monotonic() - began < STOPS_WITHIN_S
    eventually("all to be gone", 2, lambda: are_gone(below))


def check_a_second_one(up):
    """It leaves the first alone."""
    code, said, complaint = refusal(up)
    assert (code, said) == (1, "")
    assert str(up.data) in complaint
    assert f"pid {up.process.pid}" in complaint
    elsewhere = {"EVENTJOB_DATA_DIR": str(up.folder / "other"), "EVENTJOB_PORT": str(up.port)}
    code, said, complaint = refusal(up, **elsewhere)
    assert (code, said) == (1, "")
    assert f"port {up.port}" in complaint
    assert "Address already in use" in complaint
    assert post(up, "after")


@pytest.mark.parametrize(
    "number", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.long)]
)
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
    if number == signal.SIGTERM:
        check_a_full_disk(up, created)
    else:
        up.start()
        assert set(created) <= set(jobs(up))


def check_a_full_disk(up, created):
    """It has all that there was, takes nothing more, but deletes."""
    if shutil.disk_usage(up.folder).free > MORE_THAN_THERE_IS_MB * 1024 * 1024:
        pytest.skip("this disk is larger than the largest setting")
    up.environ["EVENTJOB_MIN_FREE_MB"] = str(MORE_THAN_THERE_IS_MB)
    up.launch()
    reason = ["too little disk space is left"]

    def is_full():
        try:
            return up.get("/readyz").json.get("details") == reason
        except OSError:
            return False

    eventually("it to be ready but for the disk", 60, is_full)
    assert set(created) <= set(jobs(up))
    for path, body in [
        ("/jobs", CLOSED),
        ("/jobs", {**CLOSED, "batch_id": "b"}),
        ("/batches", {"jobs": []}),
        (f"/jobs/{created[0]}/restart", None),
    ]:
        answer = up.post(path, body)
        assert (answer.status, answer.json["error_type"]) == (503, "storage_full"), answer
        assert int(answer.headers["retry-after"]) >= 1
    before = set(jobs(up))
    assert up.delete(f"/jobs/{created[0]}").status == 200
    assert up.post("/batches/fail-all").status == 200
    assert set(jobs(up)) == before - {created[0]}


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
    up = Up(tmp_path)
    code, said, complaint = refusal(up, **wrong)
    assert (code, said) == (2, "")
    expected = set(wrong) - {"EVENTJOB_NATS_PASSWORD"} | {"EVENTJOB_NATS_USER"}
    assert {line.split()[0] for line in complaint.splitlines()} == expected
    assert "hunter" not in complaint
    assert "Traceback" not in complaint
    assert not up.data.exists()
