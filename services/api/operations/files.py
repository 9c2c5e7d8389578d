"""Download stored files and ZIPs, in full or as a byte range."""

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
from services.api.context import ArtifactReader, ContextDep
from services.api.operations.batches import load_readable_batch
from services.api.operations.callers import CallerDep
from services.api.operations.jobs import load_readable_job
from services.api.operations.send_command import execute
from services.api.response.answers import matches_tag
from services.api.response.errors import RETRY_AFTER_S, Problem, not_found
from services.api.response.to_views import has_results, zip_filename

UNKNOWN_TYPE = "application/octet-stream"

_MEDIA_TYPE = re.compile(r"[\w.+-]+/[\w.+-]+")
# HTML, SVG and XML are downloads only: they could run scripts.
_INLINE = re.compile(r"image/(?!svg)[\w.+-]+|application/pdf|text/plain", re.IGNORECASE)
# Several ranges in a request are answered with the whole file.
_SINGLE = re.compile(r"bytes=\s*([0-9]{0,18})-([0-9]{0,18})\s*", re.IGNORECASE)


class ByteRange(msgspec.Struct, frozen=True):
    """The bytes from ``start`` to ``end``, which is exclusive."""

    start: int
    end: int


class NotSatisfiable(Exception):
    """The range is outside the file."""


async def get_file(path: str, request: Request, context: ContextDep, caller: CallerDep) -> Response:
    """Return a file of a job: the job's id, then the path inside its ZIP."""
    job_id, _, inside = path.partition("/")
    job = await load_readable_job(context, caller, job_id)
    files = job.files if has_results(job) else []
    # Looked up among the job's files: a client's path never reaches a disk.
    file = next((file for file in files if file.path == inside), None)
    if file is None:
        raise not_found("such file")
    return await _send_file(request, context.artifacts, file, PurePosixPath(file.path).name)


async def download_archive(
    job_id: str, request: Request, context: ContextDep, caller: CallerDep
) -> Response:
    """Return a job's ZIP."""
    job = await load_readable_job(context, caller, job_id)
    if job.archive is None or not has_results(job):
        raise not_found(f"archive of job {job_id}")
    return await _send_file(request, context.artifacts, job.archive, zip_filename(job))


async def download_batch_archive(
    batch_id: str, request: Request, context: ContextDep, caller: CallerDep
) -> Response:
    """Return the ZIP of a batch's completed jobs; 409 while it is being built."""
    batch = await load_readable_batch(context, caller, batch_id)
    if batch.zip is not None:
        with suppress(ArtifactMissing):  # swept just now: build it again
            name = f"{make_folder_name(batch.batch_name, batch_id)}.zip"
            return await _send_file(request, context.artifacts, batch.zip, name)
    # Built on the first request only: most batches are never downloaded.
    await execute(context, caller, BuildBatchZip(batch_id=batch_id), batch.group)
    message = "the ZIP is being built"
    if batch.zip_error is not None:
        message += f", again: the last attempt failed: {batch.zip_error.message}"
    raise Problem("conflict", message, headers={"Retry-After": str(RETRY_AFTER_S)})


def parse_range(header: str | None, size_bytes: int) -> ByteRange | None:
    """Parse a Range header; None for the whole file.

    Raises:
        NotSatisfiable: the range is outside the file.
    """
    match = _SINGLE.fullmatch(header) if header else None
    if match is None or match.groups() == ("", ""):
        return None
    first, last = match.groups()
    if not first:
        start, end = max(0, size_bytes - int(last)), size_bytes
    else:
        start, end = int(first), min(int(last) + 1 if last else size_bytes, size_bytes)
        if last and int(last) < start:
            return None  # an invalid range is ignored (RFC 9110, 14.1.1)
    if start >= end:
        raise NotSatisfiable
    return ByteRange(start, end)


async def _send_file(
    request: Request, artifacts: ArtifactReader, file: FileRef, name: str
) -> Response:
    """Respond with the file, a range of it, or 304. Raises `ArtifactMissing`."""
    tag = f'"{file.sha256}"'
    headers = _headers(file, name) | {"ETag": tag}
    if matches_tag(request, tag):
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers={"ETag": tag})
    if request.method == "HEAD":  # the artifact store is not asked
        return Response(headers=headers | {"Content-Length": str(file.size_bytes)})
    span = _read_range(request, tag, file.size_bytes)
    status = HTTPStatus.OK
    if span is None:
        span = ByteRange(0, file.size_bytes)
    else:
        status = HTTPStatus.PARTIAL_CONTENT
        headers["Content-Range"] = f"bytes {span.start}-{span.end - 1}/{file.size_bytes}"
    headers["Content-Length"] = str(span.end - span.start)
    content = await _open_content(artifacts, file, span)
    return StreamingResponse(content, status, headers=headers)


def _headers(file: FileRef, name: str) -> dict[str, str]:
    media_type = file.media_type if _MEDIA_TYPE.fullmatch(file.media_type) else UNKNOWN_TYPE
    is_inline = _INLINE.fullmatch(media_type) is not None
    if media_type == "text/markdown":  # our own; the charset of other texts is unknown
        media_type += "; charset=utf-8"
    return {
        "Content-Type": media_type,
        "Content-Disposition": content_disposition(name, inline=is_inline),
        "Accept-Ranges": "bytes",
    }


def _read_range(request: Request, tag: str, size_bytes: int) -> ByteRange | None:
    # If-Range with another tag asks for the whole file.
    if request.headers.get("if-range", tag) != tag:
        return None
    try:
        return parse_range(request.headers.get("range"), size_bytes)
    except NotSatisfiable:
        raise Problem(
            "range_not_satisfiable",
            f"the file has {size_bytes} bytes",
            headers={"Content-Range": f"bytes */{size_bytes}"},
        ) from None


async def _open_content(
    artifacts: ArtifactReader, file: FileRef, span: ByteRange
) -> AsyncIterator[bytes]:
    is_whole = span == ByteRange(0, file.size_bytes)
    chunks = (
        artifacts.stream(file.sha256)
        if is_whole
        else artifacts.stream(file.sha256, span.start, span.end)
    )
    # Read before the response starts, so that a missing artifact is still a 404.
    first = await anext(chunks, b"")
    return _prepend(first, chunks)


async def _prepend(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async with aclosing(rest):  # type: ignore[type-var]  # every stream is a generator
        async for chunk in rest:
            yield chunk
