"""The disk is full to its last byte; when there is room again, `up` goes on by itself."""

import os
import subprocess
import time
from contextlib import suppress

import pytest
from deployment import Up, eventually, session, without_pauses

pytestmark = pytest.mark.long

DISK_MB = 512
STUCK_WITHIN_S = 60  # until the next write needs another page


@pytest.fixture
def disk(tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("only root may mount a small disk to fill")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)  # noqa: S607 - as mount


def fill(ballast, is_enough):
    """Take what there is, also what others give back meanwhile."""
    deadline = time.monotonic() + STUCK_WITHIN_S
    while not is_enough():
        assert time.monotonic() < deadline, "the bus goes on"
        with suppress(OSError), ballast.open("ab", buffering=0) as file:
            while file.write(bytes(65_536)):
                pass
        time.sleep(0.1)
    ballast.unlink()


def job(site, name):
    return {"job_id": name, **session(f"{site.url}/{name}", name)}


def completed(up, name):
    answer = up.get(f"/jobs/{name}")
    return answer.status == 200 and answer.json["job"]["status"] == "completed"


def test_work_goes_on_when_a_full_disk_has_room_again(tmp_path, disk, site):
    settings = {"EVENTJOB_MIN_FREE_MB": "32"}
    with Up(tmp_path, **without_pauses(site.port), **settings) as up:
        assert up.patiently("POST", "/jobs", job(site, "before")).status in {201, 202}
        eventually("the first job", 30, lambda: completed(up, "before"))
        waited = up.log().count("leases.wait")
        fill(disk / "ballast", lambda: up.log().count("leases.wait") > waited)
        began = time.monotonic()
        eventually("the bus to be restarted", 20, lambda: '"bus.restarted"' in up.log())
        eventually("leases", 20, lambda: up.log().rfind("scheduler.ready") > up.log().rfind("bus."))
        assert up.patiently("POST", "/jobs", job(site, "after")).status in {201, 202}
        eventually("the next job", 60, lambda: completed(up, "after"))
        print(f"completed {time.monotonic() - began:.1f} s after there was room")
