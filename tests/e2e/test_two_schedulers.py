"""Two schedulers, and two projectors: one joins, is frozen, wakes up and is killed, under load.

`EVENTJOB_TEST_LONG=1` does it with ten times as many jobs, and freezes for 10 s.
"""

import os
import signal
import time
from collections import Counter

import pytest
from apart import parts, second
from deployment import Up, eventually, session, without_pauses
from logged_site import LoggedSite
from verify import all_jobs, check_counters, check_history

from eventjob.bus.subjects import ALL_PARTITIONS, token_of

pytestmark = pytest.mark.long
LONG = bool(os.environ.get("EVENTJOB_TEST_LONG"))
JOBS = 60 if LONG else 6  # of each batch
FROZEN_S = 10 if LONG else 4.5
DONE_WITHIN_S = 300
BATCHES = 8  # of each wave


def is_even(up, other):
    first = parts(up.log(), "scheduler")
    return len(first) == 8 and sorted([*first, *other.parts()]) == list(ALL_PARTITIONS)


class Load:
    """Batches in many partitions, whose pages the site counts."""

    def __init__(self, up, site):
        self._up = up
        self._site = site
        self.batches = []
        self.alone = []

    def wave(self, name):
        for number in range(BATCHES):
            batch = f"{name}{number}"
            self._up.submit(batch, [self._session(f"{batch}-{n}") for n in range(JOBS)])
            self.batches.append(batch)

    def begun_s(self, owned, since):
        """Seconds from ``since`` until a new job of a partition among ``owned`` is begun."""
        names = (f"alone-{n}" for n in range(len(self.alone) * 1000, 1_000_000))
        name = next(name for name in names if token_of(f"j-{name}") in owned)
        body = {"job_id": name, **self._session(name)}
        while self._up.patiently("POST", "/jobs", body, Idempotency_Key=name).status != 201:
            assert time.monotonic() < since + 30
        self.alone.append(name)
        job = f"/jobs/{name}"
        eventually(
            "the job to begin", 30, lambda: self._up.get(job).json["job"]["status"] != "pending"
        )
        return time.monotonic() - since

    def check(self):
        """Each job has one outcome, and no page was asked for twice."""
        eventually("all to end", DONE_WITHIN_S, self._is_over)
        for batch in self.batches:
            assert check_counters(self._up, batch)["completed_jobs"] == JOBS
            for job in all_jobs(self._up, batch):
                assert Counter(check_history(self._up, job["job_id"]))["job_completed"] == 1
        for name in self.alone:
            assert self._up.get(f"/jobs/{name}").json["job"]["status"] == "completed"
        asked = Counter(request.path for request in self._site.log)
        pages = {path: count for path, count in asked.items() if path.startswith("/talks/")}
        assert len(pages) == 3 * (JOBS * len(self.batches) + len(self.alone))
        assert set(pages.values()) == {1}, {p: n for p, n in pages.items() if n > 1}
        return len(pages) // 3

    def _is_over(self):
        listed = self._up.patiently("GET", "/batches?limit=1000").json["batches"]
        ended = [batch for batch in listed if batch["status"] != "processing"]
        alone = (self._up.get(f"/jobs/{name}").json["job"]["status"] for name in self.alone)
        return len(ended) == len(self.batches) and set(alone) <= {"completed", "failed"}

    def _session(self, name):
        return session(f"{self._site.url}/talks/{name}/", name)


def test_two_schedulers_share_the_work_and_one_takes_over(tmp_path):
    with LoggedSite() as site, Up(tmp_path, **without_pauses(site.port)) as up:
        load = Load(up, site)
        load.wave("joining")
        with second(up, "scheduler") as other:
            eventually("even shares", 15, lambda: is_even(up, other))
            eventually("readiness", 10, up.is_ready)

            owned = other.parts()
            load.wave("freezing")
            other.process.send_signal(signal.SIGSTOP)
            frozen_at = time.monotonic()
            print(f"frozen: taken over after {load.begun_s(owned, frozen_at):.1f} s", end=", ")
            time.sleep(max(0, frozen_at + FROZEN_S - time.monotonic()))
            other.process.send_signal(signal.SIGCONT)
            eventually("even shares again", 15, lambda: is_even(up, other))

            owned = other.parts()
            load.wave("killing")
            other.kill()
            took_s = load.begun_s(owned, time.monotonic())
            print(f"killed: {took_s:.1f} s", end=", ")
            assert took_s < 5
            assert parts(up.log(), "scheduler") == list(ALL_PARTITIONS)
        print(f"{load.check()} jobs, each page asked for once")


def test_a_projector_that_stands_by_takes_over(tmp_path):
    with LoggedSite() as site, Up(tmp_path, **without_pauses(site.port)) as up:
        load = Load(up, site)
        (pid,) = up.children()["projector"]
        with second(up, "projector") as other:
            os.kill(pid, signal.SIGSTOP)
            eventually("the second to take over", 10, other.parts)
            os.kill(pid, signal.SIGCONT)
            load.wave("second")
            eventually("the first to stand by", 10, lambda: not parts(up.log(), "projector"))
            other.kill()
            took_s = load.begun_s(ALL_PARTITIONS, time.monotonic())
            print(f"killed: visible again after {took_s:.1f} s")
            assert took_s < 5
        load.check()
