"""Who gets which answer, for every operation: said here once, by hand, and read by the tests."""

from pathlib import Path
from typing import Any, NamedTuple

from services.api.access.keys import Key, format_key, new_key
from services.api.routes import OPERATIONS

CALLERS = ("nobody", "owner", "reader", "writer", "admin", "stranger")
WITH_KEYS = (*CALLERS, "operator")  # whose key administers
ACCESS = {"read_access": ["reader"], "write_access": ["writer"], "admin_access": ["admin"]}
# what is done, to what, and each caller's status without and with API keys
STATUSES = """
reads   private | 403 200 200 200 200 403 | 401 200 200 200 200 403 200
reads   public  | 200 200 200 200 200 200 | 200 200 200 200 200 200 200
reads   missing | 404 404 404 404 404 404 | 401 404 404 404 404 404 404
changes private | 403 200 403 200 200 403 | 401 200 403 200 200 403 200
changes public  | 403 200 403 200 200 403 | 401 200 403 200 200 403 200
changes missing | 404 404 404 404 404 404 | 401 404 404 404 404 404 404
joins   private | 403 201 403 201 201 403 | 401 201 403 201 201 403 201
joins   public  | 403 201 403 201 201 403 | 401 201 403 201 201 403 201
joins   missing | 404 404 404 404 404 404 | 401 404 404 404 404 404 404
makes   new     | 201 201 201 201 201 201 | 401 201 201 201 201 201 201
lists   any     | 200 200 200 200 200 200 | 200 200 200 200 200 200 200
all     any     | 200 200 200 200 200 200 | 401 200 200 200 200 200 200
watches any     | 200 200 200 200 200 200 | 401 403 403 403 403 403 200
"""
DOES = """
submit_job makes              submit_job joins            list_jobs lists
get_job reads                 get_job?as_of=999999 reads  delete_job changes
download_archive reads        get_job_history reads       restart_job changes
restart_job_alias changes     submit_batch makes          list_batches lists
fail_all?dry_run=true all     get_batch reads             get_batch?as_of=999999 reads
delete_batch changes          archive_batch changes       toggle_active changes
download_batch_archive reads  get_batch_history reads     get_file reads
get_health lists              get_readiness lists         get_metrics watches
get_openapi lists             get_docs lists
"""
OPERATION = {operation.id: operation for operation in OPERATIONS}
PARAMETERS = {"event": "E", "track": "T", "session": "S", "filename": "done.md"}


class Row(NamedTuple):
    """A line of the table: what is asked, of what, and each caller's status."""

    operation: str
    query: str
    of: str
    without_keys: dict[str, int]
    with_keys: dict[str, int]

    def __str__(self) -> str:
        return f"{self.operation}{self.query} {self.of}"


def _rows() -> list[Row]:
    rows, words = [], iter(DOES.split())
    lines = [line.split("|") for line in STATUSES.strip().splitlines()]
    for asked, does in zip(words, words, strict=True):
        operation, mark, query = asked.partition("?")
        for what, *both in lines:
            kind, of = what.split()
            if kind == does:
                without, with_ = (map(int, statuses.split()) for statuses in both)
                statuses = dict(zip(CALLERS, without, strict=True))
                by_key = dict(zip(WITH_KEYS, with_, strict=True))
                rows.append(Row(operation, mark + query, of, statuses, by_key))
    return rows


ROWS = _rows()


class About(NamedTuple):
    """What a request is about."""

    job_id: str
    batch_id: str

    def path(self, operation: str) -> str:
        """Where the operation is, for this object."""
        path = OPERATION[operation].path
        path = path.replace("{path:path}", f"{self.job_id}/E/T/done.md")
        return path.replace("{job_id}", self.job_id).replace("{batch_id}", self.batch_id)


MISSING = About("job-none.1", "none")


def request_of(row: Row, about: About, url: str) -> tuple[str, str, Any]:
    """The row's request: method, path and body; a job's page is at ``url``."""
    job: dict[str, Any] = {"parameters": PARAMETERS | {"url": url}}
    body = {"submit_job": job, "submit_batch": {"jobs": [job]}}.get(row.operation)
    if row.operation == "submit_job" and row.of != "new":
        body = job | {"batch_id": about.batch_id}
    return OPERATION[row.operation].method, about.path(row.operation) + row.query, body


def bearer(key: str) -> dict[str, str]:
    """The header that shows a key."""
    return {"Authorization": f"Bearer {key}"}


def write_keys(path: Path) -> dict[str, str]:
    """A file with keys by name: each caller's, ``gateway``, which acts for others, and ``gone``."""
    keys, lines = {}, []
    for name in (*WITH_KEYS[1:], "gateway", "gone"):
        key_id, text, digest = new_key(name)
        rights = {"act_for_others": name == "gateway", "administer": name == "operator"}
        lines.append(
            format_key(Key(id=key_id, user=name, sha256=digest, rate="100000/s", **rights))
        )
        keys[name] = text
    path.touch(0o600)
    path.write_text("\n".join(lines) + "\n")
    return keys
