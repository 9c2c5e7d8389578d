"""How people reach what is deployed: any of its apis, as long as it takes."""

import http.client
import random
import threading
import time
from collections.abc import Iterable
from typing import Any

from deployment import Answer, exchanged

PATIENCE_S = 300.0  # longer than any fault
BASE = "/api/event-job"
ODD = {400, 401, 403, 422, 429}


class Door:
    """A client that asks one api, and another one when that is away."""

    def __init__(self, ports: Iterable[int]) -> None:
        self.roots = [f"http://127.0.0.1:{port}" for port in ports]
        self.repeated = 0
        self.odd: list[str] = []  # answers that should not be given
        self._lock = threading.Lock()

    def are_ready(self) -> bool:
        try:
            return all(exchanged("GET", f"{r}/readyz", None, {}).status == 200 for r in self.roots)
        except (OSError, http.client.HTTPException):
            return False

    def patiently(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """As a client should: again while the service is away or says 503.

        Raises:
            TimeoutError: for longer than any fault lasts.
        """
        deadline = time.monotonic() + PATIENCE_S
        said: object = None
        while time.monotonic() < deadline:
            url = random.choice(self.roots) + BASE + path
            try:
                said = answer = exchanged(method, url, body, headers)
            except (OSError, ValueError, http.client.HTTPException) as error:
                said = error
            else:
                if answer.status != 503:
                    if answer.status >= 500 or answer.status in ODD:
                        self.odd.append(f"{method} {path}: {answer.status} {answer.data[:300]!r}")
                    return answer
            with self._lock:
                self.repeated += 1
            time.sleep(random.uniform(0.1, 0.5))
        raise TimeoutError(f"{method} {path}: not within {PATIENCE_S:g} s, last {said}")
