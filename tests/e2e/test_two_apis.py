"""What one api has answered, the other shows at once: alone and in lists, over both stores."""

import itertools
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from apart import second
from deployment import CLOSED, Up, eventually
from stores import STORES, store_url

pytestmark = pytest.mark.long
WRITES = {"sqlite": 1000, "mongodb": 1000}  # and fewer on what only stands in for MongoDB
FEWER_WRITES = 150
WRITERS = 4


@pytest.fixture(params=STORES)
def apis(request, tmp_path):
    settings = {"EVENTJOB_STORE_URL": store_url(request.param, tmp_path)}
    with Up(tmp_path, **settings) as up:
        other = Up(tmp_path, **settings)
        with second(up, "api", EVENTJOB_PORT=f"{other.port}"):
            eventually("the other api to be ready", 60, other.is_ready)
            yield up, other


class Writer:
    """Writes through one api, and looks through the other at once."""

    def __init__(self, name, apis, goes_on):
        self._who = {"X_User_ID": name}
        self._here, self._there = apis
        self._goes_on = goes_on
        self.stale = []
        self.late = 0

    def run(self):
        for n in itertools.count():
            self._here, self._there = self._there, self._here
            for step in self._steps(f"{self._who['X_User_ID']}-{n}"):
                if not self._goes_on():
                    return
                self._take(*step)

    def _steps(self, name):
        """Each with what the answer must lead to: a batch's fields, a job's, or None for gone."""
        batch, job = f"/batches/{name}", f"/jobs/{name}"
        new = {"batch_id": name, "jobs": [CLOSED] * 3}
        alone = {"job_id": name, **CLOSED}
        yield "POST", "/batches", new, batch, {"total_jobs": 3}
        yield "POST", f"{batch}/toggle-active", None, batch, {"isActive": False}
        yield "POST", f"{batch}/archive", {}, batch, {"archived": True}
        yield "POST", f"{batch}/toggle-active", None, batch, {"isActive": True}
        yield "POST", f"{batch}/archive", {"archived": False}, batch, {"archived": False}
        yield "POST", "/jobs", alone, job, {"job_id": name}
        yield "POST", f"{job}/restart", None, job, {"job_id": name}
        yield "DELETE", job, None, job, None
        yield "DELETE", batch, None, batch, None

    def _take(self, method, path, body, changed, expected):
        answer = self._here.request(method, path, body, self._who)
        assert answer.status in {200, 201, 202}, (method, path, answer)
        if answer.status == 202:  # not visible yet, and it says so
            self.late += 1
            return
        kind = "batch" if changed.startswith("/batches") else "job"
        before = answer.json.get(kind, {}).get("updated_at", "")
        for found in (self._alone(kind, changed), self._listed(kind, changed)):
            is_right = found is None if expected is None else _shows(found, expected, before)
            if not is_right:
                self.stale.append((method, path, answer.json, found))

    def _alone(self, kind, path):
        answer = self._there.get(path, **self._who)
        assert answer.status in {200, 404}, answer
        return answer.json.get(kind)

    def _listed(self, kind, path):
        """As the lists have it: those of archived batches and of all others count as one."""
        lists = ("/batches", "/batches?archived=true") if kind == "batch" else ("/jobs",)
        for listed in lists:
            answer = self._there.get(listed, **self._who)
            assert answer.status == 200, answer
            for found in answer.json["batches" if kind == "batch" else "jobs"]:
                if path.endswith(f"/{found[f'{kind}_id']}"):
                    return found
        return None


def _shows(found, expected, before):
    """Whether all that was answered is there; a job may have gone on since."""
    return (
        found is not None
        and found["updated_at"] >= before
        and {name: found[name] for name in expected} == expected
    )


def test_what_one_api_answered_the_other_shows(apis, request):
    writes = WRITES.get(request.node.callspec.params["apis"], FEWER_WRITES)
    begun, lock = itertools.count(), threading.Lock()

    def goes_on():
        with lock:
            return next(begun) < writes

    writers = [Writer(f"writer{n}", apis, goes_on) for n in range(WRITERS)]
    with ThreadPoolExecutor(WRITERS) as threads:
        for done in [threads.submit(writer.run) for writer in writers]:
            done.result(timeout=300)
    assert [stale for writer in writers for stale in writer.stale] == []
    assert sum(writer.late for writer in writers) < writes / 10
