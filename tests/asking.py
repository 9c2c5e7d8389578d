"""A running eventjob with objects of one owner, asked by callers of every kind."""

import http.client
import itertools
import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from access_table import WITH_KEYS, Row
from deployment import Answer, Up, eventually, without_pauses
from logged_site import LoggedSite

from services.api.access.keys import Key, format_key, new_key
from services.api.openapi.operation import Operation
from services.api.routes import OPERATIONS

OFTEN = "100000/s"
ACCESS = {"read_access": ["reader"], "write_access": ["writer"], "admin_access": ["admin"]}
PARAMETERS = {"event": "E", "track": "T", "session": "S", "filename": "done.md"}
OPERATION = {operation.id: operation for operation in OPERATIONS}
Headers = dict[str, str]


class Asked(NamedTuple):
    """What a request is about."""

    job_id: str
    batch_id: str


MISSING = Asked("job-none.1", "none")


class Place:
    """A running eventjob. ``keys`` holds a key for each caller, where keys are in use."""

    def __init__(self, up: Up, site: str, silent: str, keys: dict[str, str]) -> None:
        self.up = up
        self.silent = silent
        self.keys = keys
        self.kept = {of: self._done(of, site) for of in ("private", "public")}
        self._numbers = itertools.count()

    def as_caller(self, name: str) -> Headers:
        """The headers of this caller."""
        if name == "nobody":
            return {}
        return bearer(self.keys[name]) if self.keys else {"X-User-ID": name}

    def new(self, of: str) -> Asked:
        """A batch of one job, whose page never comes."""
        return self._made(f"m{next(self._numbers)}", of, self.silent)

    def object_of(self, row: Row) -> Asked:
        """What the row's request is about: one of its own where it may change."""
        if row.of in {"private", "public"}:
            is_read = OPERATION[row.operation].method == "GET"
            return self.kept[row.of] if is_read else self.new(row.of)
        return MISSING

    def ask(self, row: Row, about: Asked, headers: Headers, source: int = 1) -> Answer:
        """The answer to the row's request; a GET is a HEAD first, with the same status."""
        operation = OPERATION[row.operation]
        path = address(operation, about) + row.query
        body = self._body(row, about)
        if operation.method == "GET":
            head = self.request("HEAD", path, None, headers, source)
            answer = self.request("GET", path, None, headers, source)
            assert head.status == answer.status, path
            return answer
        return self.request(operation.method, path, body, headers, source)

    def request(
        self, method: str, path: str, body: Any, headers: Headers, source: int = 1
    ) -> Answer:
        """The answer to a request from 127.0.0.``source``."""
        data = None if body is None else json.dumps(body).encode()
        sent = headers if data is None else {**headers, "Content-Type": "application/json"}
        connection = http.client.HTTPConnection(
            "127.0.0.1", self.up.port, timeout=30, source_address=(f"127.0.0.{source}", 0)
        )
        try:
            connection.request(method, path, data, sent)
            answer = connection.getresponse()
            return Answer(answer.status, dict(answer.getheaders()), answer.read())
        finally:
            connection.close()

    def _body(self, row: Row, about: Asked) -> Any:
        job = {"parameters": PARAMETERS | {"url": self.silent}}
        match row.operation:
            case "submit_job":
                return job if row.of == "new" else job | {"batch_id": about.batch_id}
            case "submit_batch":
                return {"jobs": [job]}
        return None

    def _made(self, batch_id: str, of: str, url: str) -> Asked:
        body = {
            "batch_id": batch_id,
            "jobs": [{"parameters": PARAMETERS | {"url": url}}],
            "access_control": ACCESS | {"visibility": of},
        }
        path = address(OPERATION["submit_batch"], MISSING)
        answer = self.request("POST", path, body, self.as_caller("owner"))
        assert answer.status == 201, answer
        return Asked(answer.json["job_ids"][0], batch_id)

    def _done(self, of: str, site: str) -> Asked:
        """A batch that is done, with its ZIP."""
        made = self._made(f"done-{of}", of, f"{site}/talks/{of}")
        path = address(OPERATION["download_batch_archive"], made)
        owner = self.as_caller("owner")
        eventually(path, 60, lambda: self.request("GET", path, None, owner).status == 200)
        return made


def bearer(key: str) -> Headers:
    """The header that shows a key."""
    return {"Authorization": f"Bearer {key}"}


def address(operation: Operation, about: Asked) -> str:
    """Where the operation is, for this object."""
    path = operation.path.replace("{path:path}", f"{about.job_id}/E/T/done.md")
    return path.replace("{job_id}", about.job_id).replace("{batch_id}", about.batch_id)


def write_keys(path: Path) -> dict[str, str]:
    """A file with keys by name: each caller's, ``gateway``, which acts for others, and ``gone``."""
    keys, lines = {}, []
    for name in (*WITH_KEYS[1:], "gateway", "gone"):
        key_id, text, digest = new_key(name)
        rights = {"act_for_others": name == "gateway", "administer": name == "operator"}
        lines.append(format_key(Key(id=key_id, user=name, sha256=digest, rate=OFTEN, **rights)))
        keys[name] = text
    path.touch(0o600)
    path.write_text("\n".join(lines) + "\n")
    return keys


@contextmanager
def place(folder: Path, *, with_keys: bool, **settings: str) -> Iterator[Place]:
    """A place of its own; settings are those of `eventjob up`."""
    file, keys = folder / "keys.jsonl", {}
    if with_keys:
        keys = write_keys(file)
        settings |= {"EVENTJOB_API_KEYS_FILE": str(file), "EVENTJOB_RATE_LIMIT": OFTEN}
    with LoggedSite() as site, socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        settings |= without_pauses(site.port)
        settings["EVENTJOB_FETCH_ALLOW"] += f",127.0.0.1/32:{port}"
        with Up(folder, **settings) as up:
            yield Place(up, site.url, f"http://127.0.0.1:{port}/", keys)
