"""A client of the part of the HTTP API that the demo uses."""

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
_TIMEOUT_S = 30  # per request


class Parameters(msgspec.Struct):
    """What a job asks for."""

    session: str
    url: str


class JobError(msgspec.Struct):
    """Why a job failed."""

    code: str
    message: str


class Progress(msgspec.Struct):
    """The progress of a job, for people."""

    percent: int
    message: str


class Results(msgspec.Struct):
    """What a session was turned into."""

    markdown_file: str | None = None
    markdown_content: str | None = None
    assets: list[str] = []
    archive_filename: str | None = None


class Job(msgspec.Struct):
    """The job of one session."""

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
    def is_finished(self) -> bool:
        """True if the job has completed or failed."""
        return self.status in {"completed", "failed"}


class _JobResponse(msgspec.Struct):
    job: Job


class _JobsResponse(msgspec.Struct):
    jobs: list[Job]


class _Batch(msgspec.Struct):
    batch_id: str


class _BatchResponse(msgspec.Struct):
    batch: _Batch


class _ErrorResponse(msgspec.Struct):
    error_type: str = "?"
    message: str = "?"


Shape = TypeVar("Shape")


class Client:
    """Calls a service on this machine, as the user `USER`."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.url = f"http://127.0.0.1:{port}"

    def is_ready(self) -> bool:
        """True if the service accepts jobs."""
        try:
            with self._request("GET", "/readyz") as response:
                return response.status == HTTPStatus.OK
        except DemoFailed:
            return False

    def submit_batch(self, name: str, jobs: list[dict[str, object]]) -> str:
        """Submit a batch and return its id."""
        body = {"batch_name": name, "jobs": [{"parameters": job} for job in jobs]}
        return self._call("POST", f"{_API}/batches", _BatchResponse, body).batch.batch_id

    def submit_job(self, parameters: dict[str, object]) -> str:
        """Submit a job and return its id."""
        return self._call(
            "POST", f"{_API}/jobs", _JobResponse, {"parameters": parameters}
        ).job.job_id

    def list_jobs(self, batch_id: str) -> list[Job]:
        """Return all jobs of a batch, oldest first; long texts are left out."""
        path = f"{_API}/jobs?batch_id={batch_id}&limit=1000&order=asc"
        return self._call("GET", path, _JobsResponse).jobs

    def job(self, job_id: str) -> Job:
        """Return a job with its texts."""
        return self._call("GET", f"{_API}/jobs/{job_id}", _JobResponse).job

    def download(self, kind: str, identifier: str, target: Path) -> int:
        """Download a ZIP to ``target``, which is written only on 200; return the HTTP status."""
        with self._request("GET", f"{_API}/{kind}/{identifier}/download-archive") as response:
            if response.status == HTTPStatus.OK:
                part = target.with_suffix(".part")
                with part.open("wb") as file:
                    shutil.copyfileobj(response, file)
                part.replace(target)  # so a broken download leaves no half ZIP
            return response.status

    def _call(self, method: str, path: str, shape: type[Shape], body: object = None) -> Shape:
        with self._request(method, path, body) as response:
            content = response.read()
        try:
            if response.status >= HTTPStatus.BAD_REQUEST:
                failure = msgspec.json.decode(content, type=_ErrorResponse)
                reason = f"{response.status} {failure.error_type}: {failure.message}"
                raise DemoFailed(f"the service refused {method} {path}: {reason}")
            return msgspec.json.decode(content, type=shape)
        except msgspec.MsgspecError as error:
            reason = f"{response.status}, and {error}"
            raise DemoFailed(f"no usable answer to {method} {path}: {reason}") from error

    @contextmanager
    def _request(self, method: str, path: str, body: object = None) -> Iterator[HTTPResponse]:
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
