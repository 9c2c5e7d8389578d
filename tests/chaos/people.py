"""What people do meanwhile: post, repeat, restart, pause, fail, delete and download."""

import random
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from zlib import crc32

from deployment import Answer

from chaos.door import Door
from chaos.sites import Sites

AT_A_TIME = 4
LARGEST_BATCH = 25
# how many of a hundred sessions are of a kind, the rest are ordinary talks
KINDS = {
    "slow": 8,
    "rough": 12,
    "busy": 6,
    "flaky": 6,
    "broken": 3,
    "huge": 3,
    "inward": 4,
    "private": 2,
    "missing": 3,
    "dead": 2,
    "drip": 1,
}


def batch_of(name: str) -> str:
    """The batch of a job, by its id; a batch, or a job alone, is its own."""
    return name.removeprefix("job-").partition(".")[0]


def owner(name: str) -> dict[str, str]:
    """Whose a batch or job is: most are Ann's, and Bob is one who fails all of his at times."""
    is_bobs = crc32(batch_of(name).encode()) % 8 == 0
    return {"X_User_ID": "bob" if is_bobs else "ann"}


BOBS = next(name for name in map(str, range(1000)) if owner(name)["X_User_ID"] == "bob")


class Record:
    """What was accepted, and what has been asked for since."""

    def __init__(self) -> None:
        self.batches: dict[str, list[str]] = {}  # the kinds of its jobs
        self.alone: dict[str, str] = {}  # kinds of jobs without a batch
        self.paused: set[str] = set()
        self.gone: set[str] = set()  # ids of batches and jobs that were deleted
        self.done: Counter[str] = Counter()  # what people did
        self.lock = threading.Lock()

    def kinds(self) -> dict[str, str]:
        """Each accepted job's kind, by id; deleted ones included."""
        found = dict(self.alone)
        for batch, kinds in self.batches.items():
            found |= {f"job-{batch}.{n}": kind for n, kind in enumerate(kinds, 1)}
        return found


class People:
    """Several at a time, until so many jobs are accepted; ``run`` returns then."""

    def __init__(self, door: Door, sites: Sites, seed: int) -> None:
        self.record = Record()
        self.troubles: list[str] = []
        self._door, self._sites, self._seed = door, sites, seed
        self._posted = 0

    def run(self, jobs: int, seconds: float) -> None:
        """Post ``jobs`` jobs, evenly over ``seconds``."""
        began = time.monotonic()
        with ThreadPoolExecutor(AT_A_TIME) as pool:
            for number in range(AT_A_TIME):
                pool.submit(self._person, number, jobs, seconds, began)
        for batch in sorted(self.record.paused):
            self._set_active(batch, is_active=True)

    def _person(self, number: int, jobs: int, seconds: float, began: float) -> None:
        chance = random.Random(f"{self._seed} {number}")
        turn = 0
        try:
            while self._take(chance, f"p{number}-{turn}", jobs):
                turn += 1
                for _ in range(chance.randrange(1, 5)):
                    self._meddle(chance)
                due = began + seconds * self._posted / jobs
                time.sleep(max(0.0, due - time.monotonic()))
        except Exception as error:  # noqa: BLE001 - whatever it is, the run has failed
            self.troubles.append(f"person {number}: {error!r}")

    def _take(self, chance: random.Random, name: str, jobs: int) -> bool:
        """Post something new, unless all is posted."""
        count = chance.choice((1, 1, *range(2, LARGEST_BATCH)))
        with self.record.lock:
            count = min(count, jobs - self._posted)
            self._posted += count
        if count <= 0:
            return False
        kinds = [_kind(chance) for _ in range(count)]
        if count == 1:
            job = {"job_id": name, "parameters": self._parameters(kinds[0], name)}
            self._post("/jobs", name, job)
        else:
            parameters = [self._parameters(kind, f"{name}-{n}") for n, kind in enumerate(kinds, 1)]
            body = {"batch_id": name, "jobs": [{"parameters": one} for one in parameters]}
            self._post("/batches", name, body)
        with self.record.lock:
            if count == 1:
                self.record.alone[name] = kinds[0]
            else:
                self.record.batches[name] = kinds
        return True

    def _post(self, path: str, name: str, body: dict[str, Any]) -> None:
        """Once or twice, with one key: the second time changes nothing."""
        for _ in range(random.Random(name).choice((1, 1, 1, 2))):
            answer = self._act(name, f"POST {path}", "POST", path, body, Idempotency_Key=name)
            assert answer.status in {200, 201, 202}, (path, name, answer)

    def _parameters(self, kind: str, name: str) -> dict[str, Any]:
        url = self._sites.url(kind, name)
        return {"event": "E", "track": "T", "session": name, "url": url, "filename": f"{name}.md"}

    def _meddle(self, chance: random.Random) -> None:
        """Something with what is there already."""
        with self.record.lock:
            batches = sorted(set(self.record.batches) - self.record.gone)
            jobs = sorted(set(self.record.kinds()) - self.record.gone)
        if not batches or not jobs:
            return
        batch, job = chance.choice(batches), chance.choice(jobs)
        match chance.randrange(12):
            case 0 | 1:
                self._act(job, "restart", "POST", f"/jobs/{job}/restart")
            case 2:
                self._set_active(batch, is_active=False)
            case 3:
                if self.record.paused:
                    self._set_active(chance.choice(sorted(self.record.paused)), is_active=True)
            case 4 if chance.random() < 0.5:
                self._delete(f"/jobs/{job}", job)
            case 5 if chance.random() < 0.2:
                self._delete(f"/batches/{batch}", batch)
            case 6 if chance.random() < 0.2:
                self._act(BOBS, "fail all", "POST", "/batches/fail-all")
            case 7:
                self._act(job, "list", "GET", "/jobs?limit=100")
            case _:
                self._act(batch, "ZIP of a batch", "GET", f"/batches/{batch}/download-archive")

    def _set_active(self, batch: str, *, is_active: bool) -> None:
        with self.record.lock:
            (self.record.paused.discard if is_active else self.record.paused.add)(batch)
        what, path = "resume" if is_active else "pause", f"/batches/{batch}/toggle-active"
        self._act(batch, what, "POST", path, {"active": is_active})

    def _delete(self, path: str, name: str) -> None:
        with self.record.lock:
            self.record.gone.add(name)
        self._act(name, "delete", "DELETE", path)

    def _act(
        self, name: str, what: str, method: str, path: str, body: Any = None, **headers: str
    ) -> Answer:
        """404, 409 and the like are fair answers: somebody else may have been there."""
        answer = self._door.patiently(method, path, body, **owner(name), **headers)
        with self.record.lock:
            self.record.done[what] += 1
        return answer


def _kind(chance: random.Random) -> str:
    ordinary = 100 - sum(KINDS.values())
    kinds = {**KINDS, "talks": ordinary / 2, "with-slides": ordinary / 2}
    return chance.choices(list(kinds), list(kinds.values()))[0]
