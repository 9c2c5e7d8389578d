"""A client with one connection that it keeps, and the jobs that it sends."""

import http.client
import json
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any, NamedTuple

from adapter_pages import title

USER = "bench"
BASE = "/api/event-job"
WITHIN_S = 60.0
KEPT_FOR_S = 2.0  # the api hangs up on a connection that is idle for longer than 5 s

Jobs = list[dict[str, Any]]


class Answer(NamedTuple):
    status: int
    data: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.data)

    def __repr__(self) -> str:
        """Its beginning: an answer may name 10,000 jobs."""
        return f"{self.status} {self.data[:300]!r}"


class Client:
    """Talks to the api on ``port`` over one connection."""

    def __init__(self, connection: http.client.HTTPConnection) -> None:
        self._connection = connection
        self._used_at = 0.0

    def get(self, path: str, user: str = USER) -> Answer:
        return self._request("GET", BASE + path, None, user)

    def post(self, path: str, body: bytes, user: str = USER) -> Answer:
        return self._request("POST", BASE + path, body, user)

    def batch(self, name: str, user: str = USER) -> dict[str, Any]:
        return self.get(f"/batches/{name}", user).json["batch"]

    def total(self, filters: str, user: str = USER) -> int:
        """How many jobs a list says that there are."""
        return self.get(f"/jobs?limit=0&{filters}", user).json["total"]

    def is_ready(self) -> bool:
        try:
            return self._request("GET", "/readyz", None, USER).status == 200
        except OSError:
            self._connection.close()
            return False

    def _request(self, method: str, path: str, body: bytes | None, user: str) -> Answer:
        if time.monotonic() - self._used_at > KEPT_FOR_S:
            self._connection.close()  # opened again by the request
        headers = {"X-User-ID": user, "Content-Type": "application/json"}
        self._connection.request(method, path, body, headers)
        with self._connection.getresponse() as answer:
            self._used_at = time.monotonic()
            return Answer(answer.status, answer.read())


@contextmanager
def connected(port: int) -> Iterator[Client]:
    """A client for as long as the context lasts."""
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=WITHIN_S)) as connection:
        yield Client(connection)


def batch_body(name: str, jobs: int | Jobs, **more: Any) -> bytes:
    """A batch of these jobs, or of so many that no worker ever fetches."""
    listed = [job(name, n) for n in range(jobs)] if isinstance(jobs, int) else jobs
    return json.dumps({"batch_id": name, "jobs": listed, **more}).encode()


def job(name: str, n: int) -> dict[str, Any]:
    """A job that no worker ever fetches; its parameters are of a usual size, some 360 bytes."""
    return {
        "parameters": {
            "event": "Benchmark Conference 2030",
            "session": f"What we learned from session {n:05} of {name}",
            "url": f"https://conference-{n % 20}.example/2030/schedule/event/{name}-{n:05}/",
            "filename": f"{name}-{n:05}.md",
            "track": f"Track {n % 8}",
            "day": "Sunday",
            "starttime": "09:50",
            "endtime": "10:30",
            "speakers": ["Ada Lovelace", "Grace Hopper"],
            "source_language": "en",
        }
    }


def page_jobs(port: int, name: str, count: int, *, small: bool = False) -> Jobs:
    """Jobs whose pages are at the site of `page_site.py`, of 4 KB or small."""
    names = [f"{name}-{n}" for n in range(count)]
    folder = "small" if small else "2030/event"
    return [
        {
            "parameters": {
                "event": "Harbour Days 2030",
                "session": name if small else title(name),
                "url": f"http://127.0.0.1:{port}/{folder}/{name}/",
                "filename": f"{name}.md",
                "track": "Queues",
            }
        }
        for name in names
    ]
