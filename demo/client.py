"""The service's HTTP API, as far as the demo speaks it."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException, HTTPResponse
from pathlib import Path
from typing import TypeVar

import msgspec

from demo import DemoFailed

USER = "demo"

_API = "/api/event-job"
_TIMEOUT_S = 30


class Parameters(msgspec.Struct):
    """What a job was asked for."""

    session: str
    url: str


class JobError(msgspec.Struct):
    """Why a job failed."""

    code: str
    message: str


class Progress(msgspec.Struct):
    """How far a job is, for people."""

    percent: int
    message: str


class Results(msgspec.Struct):
    """What a session became."""

    markdown_file: str | None = None
    markdown_content: str | None = None
    assets: list[str] = []
    archive_filename: str | None = None


class Job(msgspec.Struct):
    """One session's job."""

    job_id: str
    status: str
    parameters: Parameters
    created_at: datetime
    updated_at: datetime
    processing_started_at: datetime | None = None
    completed_at: datetime | None = None
    progress: Progress | None = None
    error: JobError | None = None
    results: Results | None = None

    @property
    def finished(self) -> bool:
        """Whether nothing more will happen to it by itself."""
        return self.status in {"completed", "failed"}


class _OneJob(msgspec.Struct):
    job: Job


class _Jobs(msgspec.Struct):
    jobs: list[Job]


class _Batch(msgspec.Struct):
    batch_id: str


class _OneBatch(msgspec.Struct):
    batch: _Batch


class _Refusal(msgspec.Struct):
    error_type: str = "?"
    message: str = "?"


Shape = TypeVar("Shape")


class Client:
    """Speaks to a service on this machine, as the user `USER`."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.url = f"http://127.0.0.1:{port}"

    def is_ready(self) -> bool:
        """Whether the service would take a job now."""
        try:
            with self._answer("GET", "/readyz") as answer:
                return answer.status == HTTPStatus.OK
        except DemoFailed:
            return False

    def submit_batch(self, name: str, jobs: list[dict[str, object]]) -> str:
        """The id of a new batch."""
        body = {"batch_name": name, "jobs": [{"parameters": job} for job in jobs]}
        return self._json("POST", f"{_API}/batches", _OneBatch, body).batch.batch_id

    def submit_job(self, parameters: dict[str, object]) -> str:
        """The id of a new job."""
        return self._json("POST", f"{_API}/jobs", _OneJob, {"parameters": parameters}).job.job_id

    def jobs_of(self, batch_id: str) -> list[Job]:
        """All jobs of a batch, oldest first, without their long texts."""
        path = f"{_API}/jobs?batch_id={batch_id}&limit=1000&order=asc"
        return self._json("GET", path, _Jobs).jobs

    def job(self, job_id: str) -> Job:
        """A job with all that it has."""
        return self._json("GET", f"{_API}/jobs/{job_id}", _OneJob).job

    def download(self, kind: str, identifier: str, target: Path) -> int:
        """The status of the answer; on 200 the ZIP of a job or batch is at ``target``, whole."""
        with self._answer("GET", f"{_API}/{kind}/{identifier}/download-archive") as answer:
            if answer.status == HTTPStatus.OK:
                part = target.with_suffix(".part")
                with part.open("wb") as file:
                    shutil.copyfileobj(answer, file)
                part.replace(target)
            return answer.status

    def _json(self, method: str, path: str, shape: type[Shape], body: object = None) -> Shape:
        with self._answer(method, path, body) as answer:
            content = answer.read()
        try:
            if answer.status >= HTTPStatus.BAD_REQUEST:
                refusal = msgspec.json.decode(content, type=_Refusal)
                reason = f"{answer.status} {refusal.error_type}: {refusal.message}"
                raise DemoFailed(f"the service refused {method} {path}: {reason}")
            return msgspec.json.decode(content, type=shape)
        except msgspec.MsgspecError as error:
            reason = f"{answer.status}, and {error}"
            raise DemoFailed(f"no usable answer to {method} {path}: {reason}") from error

    @contextmanager
    def _answer(self, method: str, path: str, body: object = None) -> Iterator[HTTPResponse]:
        headers = {"X-User-ID": USER, "Content-Type": "application/json"}
        connection = HTTPConnection("127.0.0.1", self.port, timeout=_TIMEOUT_S)
        try:
            content = None if body is None else msgspec.json.encode(body)
            connection.request(method, path, content, headers)
            yield connection.getresponse()
        except (OSError, HTTPException) as error:
            raise DemoFailed(f"{method} {self.url}{path} failed: {error}") from error
        finally:
            connection.close()
