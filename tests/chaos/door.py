"""How people reach what is deployed: any of its apis, as long as it takes."""

import http.client
import random
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterable
from typing import Any

from deployment import Answer, exchanged

PATIENCE_S = 300.0  # longer than any fault
BASE = "/api/event-job"


class Door:
    """A client that asks one api, and another one when that is away."""

    def __init__(self, ports: Iterable[int]) -> None:
        self.ports = list(ports)
        self.repeated = 0
        self.odd: list[str] = []  # answers that nobody should get
        self._lock = threading.Lock()

    def are_ready(self) -> bool:
        try:
            return all(self._ask(port, "GET", "/readyz").status == 200 for port in self.ports)
        except OSError:
            return False

    def request(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """One answer of any of them.

        Raises:
            OSError: it is away, or the answer was cut off.
        """
        return self._ask(random.choice(self.ports), method, BASE + path, body, headers)

    def patiently(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """As a client should: again while the service is away or says 503.

        Raises:
            TimeoutError: for longer than any fault lasts.
        """
        deadline = time.monotonic() + PATIENCE_S
        said: object = None
        while time.monotonic() < deadline:
            try:
                answer = self.request(method, path, body, **headers)
            except (OSError, ValueError) as error:
                said = error
            else:
                if answer.status != 503:
                    self._judge(method, path, answer)
                    return answer
                said = answer
            with self._lock:
                self.repeated += 1
            time.sleep(random.uniform(0.1, 0.5))
        raise TimeoutError(f"{method} {path}: not within {PATIENCE_S:g} s, last {said}")

    def _judge(self, method: str, path: str, answer: Answer) -> None:
        if answer.status >= 500 or answer.status in {400, 401, 403, 422, 429}:
            with self._lock:
                self.odd.append(f"{method} {path}: {answer.status} {answer.data[:300]!r}")

    @staticmethod
    def _ask(
        port: int, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> Answer:
        try:
            return exchanged(method, f"http://127.0.0.1:{port}{path}", body, headers or {})
        except urllib.error.URLError as error:
            raise ConnectionError(str(error.reason)) from error
        except http.client.HTTPException as error:
            raise ConnectionError(repr(error)) from error
