"""Stored files and ZIPs, on their way to clients. No path of a client ever meets a disk."""

import re
from collections.abc import AsyncIterator
from contextlib import aclosing, suppress
from http import HTTPStatus
from pathlib import PurePosixPath

import msgspec
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from eventjob.artifacts.store import ArtifactMissing
from eventjob.contracts.base import FileRef
from eventjob.contracts.commands import BuildBatchZip
from eventjob.domain.names import content_disposition, make_folder_name
from services.api.context import ArtifactReader, Here
from services.api.operations.batches import readable_batch
from services.api.operations.callers import Asking
from services.api.operations.jobs import readable_job
from services.api.operations.send_command import carry_out
from services.api.response.answers import is_known
from services.api.response.errors import RETRY_AFTER_S, Problem, not_found
from services.api.response.to_views import archive_filename, has_results

UNKNOWN_TYPE = "application/octet-stream"

_MEDIA_TYPE = re.compile(r"[\w.+-]+/[\w.+-]+")
_INLINE = re.compile(r"image/(?!svg)[\w.+-]+|application/pdf|text/plain", re.IGNORECASE)
_SINGLE = re.compile(r"bytes=\s*([0-9]{0,18})-([0-9]{0,18})\s*", re.IGNORECASE)


class ByteRange(msgspec.Struct, frozen=True):
    """The bytes from ``start`` to before ``end``."""

    start: int
    end: int


class NotSatisfiable(Exception):
    """The range lies outside the file."""


async def get_file(path: str, request: Request, here: Here, caller: Asking) -> Response:
    """A file of a job, by its path in the ZIP behind the job's id."""
    job_id, _, inside = path.partition("/")
    job = await readable_job(here, caller, job_id)
    files = job.files if has_results(job) else []
    file = next((file for file in files if file.path == inside), None)
    if file is None:
        raise not_found("such file")
    return await _sent(request, here.artifacts, file, PurePosixPath(file.path).name)


async def download_archive(job_id: str, request: Request, here: Here, caller: Asking) -> Response:
    """A job's ZIP."""
    job = await readable_job(here, caller, job_id)
    if job.archive is None or not has_results(job):
        raise not_found(f"archive of job {job_id}")
    return await _sent(request, here.artifacts, job.archive, archive_filename(job))


async def download_batch_archive(
    batch_id: str, request: Request, here: Here, caller: Asking
) -> Response:
    """The ZIP of a batch's completed jobs, built when it is asked for: 409 until it is there."""
    batch = await readable_batch(here, caller, batch_id)
    if batch.zip is not None:
        with suppress(ArtifactMissing):  # then it is built again
            name = f"{make_folder_name(batch.batch_name, batch_id)}.zip"
            return await _sent(request, here.artifacts, batch.zip, name)
    await carry_out(here, caller, BuildBatchZip(batch_id=batch_id), batch.group)
    message = "the ZIP is being built"
    if batch.zip_error is not None:
        message += f", again: the last attempt failed: {batch.zip_error.message}"
    raise Problem("conflict", message, headers={"Retry-After": str(RETRY_AFTER_S)})


async def _sent(request: Request, artifacts: ArtifactReader, file: FileRef, name: str) -> Response:
    """The file, or the part of it that is asked for, or word that the client has it already.

    Raises:
        ArtifactMissing: the bytes are not there.
    """
    tag = f'"{file.sha256}"'
    headers = _headers(file, name) | {"ETag": tag}
    if is_known(request, tag):
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers={"ETag": tag})
    if request.method == "HEAD":
        return Response(headers=headers | {"Content-Length": str(file.size_bytes)})
    span = _span(request, tag, file.size_bytes)
    status = HTTPStatus.OK
    if span is None:
        span = ByteRange(0, file.size_bytes)
    else:
        status = HTTPStatus.PARTIAL_CONTENT
        headers["Content-Range"] = f"bytes {span.start}-{span.end - 1}/{file.size_bytes}"
    headers["Content-Length"] = str(span.end - span.start)
    content = await _content(artifacts, file, span)
    return StreamingResponse(content, status, headers=headers)


def _headers(file: FileRef, name: str) -> dict[str, str]:
    media_type = file.media_type if _MEDIA_TYPE.fullmatch(file.media_type) else UNKNOWN_TYPE
    is_inline = _INLINE.fullmatch(media_type) is not None
    return {
        "Content-Type": f"{media_type}; charset=utf-8" if _is_ours(media_type) else media_type,
        "Content-Disposition": content_disposition(name, inline=is_inline),
        "Accept-Ranges": "bytes",
    }


def _is_ours(media_type: str) -> bool:
    """Markdown is what we write, in UTF-8; of other texts only their source knows."""
    return media_type == "text/markdown"


def _span(request: Request, tag: str, size_bytes: int) -> ByteRange | None:
    """If-Range with anything but this strong tag asks for the whole file."""
    if request.headers.get("if-range", tag) != tag:
        return None
    try:
        return requested(request.headers.get("range"), size_bytes)
    except NotSatisfiable:
        raise Problem(
            "range_not_satisfiable",
            f"the file has {size_bytes} bytes",
            headers={"Content-Range": f"bytes */{size_bytes}"},
        ) from None


async def _content(
    artifacts: ArtifactReader, file: FileRef, span: ByteRange
) -> AsyncIterator[bytes]:
    """The bytes, the first of them at hand: what is missing is found before the answer begins."""
    is_whole = span == ByteRange(0, file.size_bytes)
    chunks = (
        artifacts.stream(file.sha256)
        if is_whole
        else artifacts.stream(file.sha256, span.start, span.end)
    )
    first = await anext(chunks, b"")
    return _joined(first, chunks)


async def _joined(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async with aclosing(rest):  # type: ignore[type-var]  # every stream is a generator
        async for chunk in rest:
            yield chunk


def requested(header: str | None, size_bytes: int) -> ByteRange | None:
    """The bytes that a Range header asks for; None for the whole file.

    Raises:
        NotSatisfiable: none of them exists.
    """
    found = _SINGLE.fullmatch(header) if header else None
    if found is None or found.groups() == ("", ""):
        return None
    first, last = found.groups()
    if not first:
        start, end = max(0, size_bytes - int(last)), size_bytes
    else:
        start, end = int(first), min(int(last) + 1 if last else size_bytes, size_bytes)
        if last and int(last) < start:
            return None  # no range at all, says the RFC: to be ignored
    if start >= end:
        raise NotSatisfiable
    return ByteRange(start, end)
