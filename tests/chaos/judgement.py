"""What must be true at the end, when everything runs again and is quiet."""

import re
import time
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from zipfile import BadZipFile

from deployment import Answer
from verify import all_jobs, check_counters, check_zip

from chaos.people import Record, batch_of, owner
from chaos.room import Room

STILL_S = 240.0  # without any progress for so long, jobs are stuck
ZIP_WITHIN_S = 120.0
AT_A_TIME = 4
# a traceback, or something that a service itself calls an error
BAD = re.compile(r'Traceback|\bpanic\b|\bfatal error\b|^\{.*"level": ?"(error|critical)"')
BROKEN = (AssertionError, KeyError, OSError, ValueError, BadZipFile)

# the codes that a job of a kind may fail with; a kind that is not named is always completed
DESERVED = {
    "rough": {None, "connect_failed", "timeout", "postponed"},
    "broken": {"http_500"},
    "huge": {"too_large"},
    "inward": {"blocked_address"},
    "private": {"blocked_address"},
    "missing": {"http_404"},
    "dead": {"connect_failed"},
    "drip": {"timeout"},
}


class Judgement:
    """Looks at everything once; ``faults`` are what is wrong, ``counted`` what was looked at."""

    def __init__(self, room: Room, record: Record) -> None:
        self.faults: list[str] = []
        self.counted: dict[str, str] = {}
        self._room, self._door, self._record = room, room.door, record
        self._batches = sorted(set(record.batches) - record.gone)
        self._outcomes: Counter[str] = Counter()
        self._zips = 0

    def pass_on(self) -> None:
        """All invariants, each for itself: one that is broken does not hide another."""
        for check in (
            self._all_ended,
            self._jobs,
            self._counters,
            self._batch_zips,
            self._projection,
            self._deleted,
            self._private,
            self._logs,
            self._processes,
        ):
            try:
                check()
            except BROKEN as error:
                self.faults.append(f"{check.__name__.strip('_')}: {error!r}"[:2000])

    def _get(self, path: str, name: str) -> Answer:
        return self._door.patiently("GET", path, **owner(name))

    def _all_ended(self) -> None:
        began = still_since = time.monotonic()
        before = -1
        while left := self._unfinished():
            now = time.monotonic()
            if left != before:
                before, still_since = left, now
            assert now - still_since < STILL_S, f"{left} jobs do not end"
            time.sleep(1)
        self.counted["quiet after"] = f"{time.monotonic() - began:.0f} s"

    def _unfinished(self) -> int:
        paths = [f"/jobs?status={status}&limit=0" for status in ("pending", "processing")]
        asked = [(path, {"X_User_ID": user}) for path in paths for user in ("ann", "bob")]
        return sum(self._door.patiently("GET", path, **user).json["total"] for path, user in asked)

    def _jobs(self) -> None:
        """Every accepted job is there, has one outcome, the one that its site deserves."""
        there = {
            job: kind
            for job, kind in self._record.kinds().items()
            if not {job, batch_of(job)} & self._record.gone
        }
        self._all(there.items(), lambda pair: self._job(*pair))
        told = ", ".join(f"{name} {count:,}" for name, count in sorted(self._outcomes.items()))
        self.counted["accepted jobs"] = f"{len(self._record.kinds()):,}, {len(there):,} not deleted"
        self.counted["outcomes"] = told
        self.counted["ZIPs of jobs, whole"] = f"{self._zips:,}"

    def _job(self, job_id: str, kind: str) -> None:
        answer = self._get(f"/jobs/{job_id}", job_id)
        assert answer.status == 200, f"{job_id} was accepted and is gone: {answer}"
        job = answer.json["job"]
        one_outcome(job_id, self._get(f"/jobs/{job_id}/history", job_id).json["events"])
        code = (job.get("error") or {}).get("code")
        self._outcomes[code or job["status"]] += 1
        fair = DESERVED.get(kind, {None})
        if owner(job_id)["X_User_ID"] == "bob":
            fair = {*fair, "cancelled"}
        assert code in fair, f"{job_id}, {kind}: {job.get('error')}"
        assert (job["status"] == "completed") == (code is None), job
        if code is None:
            self._check_zip(f"/jobs/{job_id}/download-archive", job_id)

    def _check_zip(self, path: str, name: str) -> None:
        deadline = time.monotonic() + ZIP_WITHIN_S
        while (answer := self._get(path, name)).status == 409:
            assert time.monotonic() < deadline, f"{path}: {answer.data[:300]!r}"
            time.sleep(0.5)
        assert answer.status == 200, f"{path}: {answer.status} {answer.data[:300]!r}"
        check_zip(answer.data)
        self._zips += 1

    def _counters(self) -> None:
        self._all(self._batches, lambda batch: check_counters(self._door, batch, **owner(batch)))
        self.counted["batches, counters add up"] = f"{len(self._batches):,}"

    def _batch_zips(self) -> None:
        self._zips = 0
        self._all(self._batches, self._batch_zip)
        self.counted["ZIPs of batches, whole"] = f"{self._zips:,}"

    def _batch_zip(self, batch: str) -> None:
        jobs = all_jobs(self._door, batch, **owner(batch))
        if any(job["status"] == "completed" for job in jobs):
            self._check_zip(f"/batches/{batch}/download-archive", batch)

    def _projection(self) -> None:
        code, said, errors = self._room.ran("rebuild", "--check")
        assert code == 0, said + errors
        self.counted["projection"] = said.strip().splitlines()[-1]

    def _deleted(self) -> None:
        for name in sorted(self._record.gone):
            kind = "batches" if name in self._record.batches else "jobs"
            answer = self._get(f"/{kind}/{name}", name)
            assert answer.status == 404, f"{name} was deleted: {answer}"
        self.counted["deleted, and gone"] = f"{len(self._record.gone):,}"

    def _private(self) -> None:
        seen = self._room.sites.trap.connections
        assert seen == 0, f"{seen} connections to a private address"
        self.counted["connections to the private address"] = "0"

    def _logs(self) -> None:
        lines, worst = 0, []
        for log in sorted(self._room.folder.glob("*.log")):
            text = log.read_text(errors="replace")
            lines += text.count("\n")
            bad = filter(BAD.search, text.splitlines())
            worst += [f"{log.name}: {line[:1500]}" for line in bad]
        self.faults += worst[:20]
        self.counted["lines in logs, errors among them"] = f"{lines:,}, {len(worst):,}"

    def _processes(self) -> None:
        keeper = self._room.keeper
        self.faults += keeper.alone
        self.faults += [f"an answer: {answer}" for answer in self._door.odd[:10]]
        self.counted["processes that ended by themselves"] = f"{len(keeper.alone):,}"
        waited = keeper.waited_in_vain.total()
        self.counted["starts while the bus was away"] = f"{waited:,}"
        self.counted["requests repeated by clients"] = f"{self._door.repeated:,}"

    def _all(self, them: Iterable[Any], check: Callable[[Any], object]) -> None:
        """``check`` of each, some at a time; each one that fails is told."""

        def checked(one: Any) -> None:
            try:
                check(one)
            except BROKEN as error:
                self.faults.append(f"{one}: {error!r}"[:1000])

        with ThreadPoolExecutor(AT_A_TIME) as pool:
            list(pool.map(checked, them))


def one_outcome(job_id: str, events: list[dict[str, Any]]) -> None:
    """One end for each run of a job: from its submission, and from each restart, to the next."""
    types = [event["type"] for event in events]
    assert types, f"{job_id} has no history"
    assert types[0] == "job_submitted", f"{job_id}: {types}"
    ended = False
    for kind in types[1:]:
        if kind == "job_restarted":
            ended = False
        else:
            assert not ended, f"{job_id} went on after its end: {types}"
            ended = kind in {"job_completed", "job_failed"}
    assert ended, f"{job_id} has no outcome: {types}"
    started = [event["attempt"] for event in events if event["type"] == "job_started"]
    assert len(started) == len(set(started)), f"{job_id} began an attempt twice: {started}"
