"""Error responses: one format, and one table from code to HTTP status."""

from collections.abc import Mapping
from http import HTTPStatus
from math import ceil

import msgspec
from fastapi import FastAPI, Request
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from eventjob.artifacts.store import ArtifactMissing, ArtifactsUnavailable
from eventjob.bus.errors import Poison, StorageFull, Unavailable
from eventjob.projection.store import StoreUnavailable
from eventjob.runtime.logs import get_logger
from services.api.response.views import ErrorAnswer, WrongField

STATUS = {
    "validation_error": HTTPStatus.BAD_REQUEST,
    "unauthenticated": HTTPStatus.UNAUTHORIZED,
    "permission_denied": HTTPStatus.FORBIDDEN,
    "not_found": HTTPStatus.NOT_FOUND,
    "method_not_allowed": HTTPStatus.METHOD_NOT_ALLOWED,
    "conflict": HTTPStatus.CONFLICT,
    "payload_too_large": HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    "unsupported_media_type": HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    "range_not_satisfiable": HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE,
    "idempotency_mismatch": HTTPStatus.UNPROCESSABLE_ENTITY,
    "rate_limited": HTTPStatus.TOO_MANY_REQUESTS,
    "internal": HTTPStatus.INTERNAL_SERVER_ERROR,
    "history_lost": HTTPStatus.INTERNAL_SERVER_ERROR,
    "unavailable": HTTPStatus.SERVICE_UNAVAILABLE,
    "storage_full": HTTPStatus.SERVICE_UNAVAILABLE,
}
RETRY_AFTER_S = 2  # most failures pass with a reconnect or a restart
NEEDS_KEY = "eventjob.needs_key"  # in a scope: keys are in use, and the request has none

_log = get_logger("api")


class Problem(Exception):
    """An error response. ``code`` is a key of `STATUS`; the text is for people."""

    def __init__(
        self,
        code: str,
        message: str,
        *,
        details: list[WrongField] | None = None,
        headers: Mapping[str, str] | None = None,
        is_hidden: bool = False,
    ) -> None:
        super().__init__(message)
        self.is_hidden = is_hidden  # from requests without a key, if keys are in use
        self.code = code
        self.details = details
        self.headers = dict(headers or {})


def invalid_field(field: str, message: str) -> Problem:
    """Build the problem of a single invalid field, parameter or header."""
    return Problem(
        "validation_error",
        f"{field}: {message}",
        details=[WrongField(field=field, message=message)],
    )


def not_found(what: str, *, is_hidden: bool = False) -> Problem:
    """Build the problem of a missing object; ``what`` names it."""
    return Problem("not_found", f"there is no {what}", is_hidden=is_hidden)


def unauthenticated(reason: str, error: str | None = None) -> Problem:
    """Build the problem of a missing or wrong key; ``error`` is a code of RFC 6750."""
    challenge = "Bearer" if error is None else f'Bearer error="{error}"'
    return Problem("unauthenticated", reason, headers={"WWW-Authenticate": challenge})


def error_response(problem: Problem) -> Response:
    """Turn a problem into a response."""
    view = ErrorAnswer(
        error_type=problem.code,
        message=str(problem),
        details=problem.details or msgspec.UNSET,
    )
    status = STATUS.get(problem.code, HTTPStatus.INTERNAL_SERVER_ERROR)
    headers = dict(problem.headers)
    if status is HTTPStatus.SERVICE_UNAVAILABLE:
        headers.setdefault("Retry-After", str(RETRY_AFTER_S))
    return Response(
        msgspec.json.encode(view), status, headers=headers, media_type="application/json"
    )


def install_handlers(app: FastAPI) -> None:
    """Make the app answer every exception in the one format."""
    app.exception_handler(Problem)(_on_problem)
    app.exception_handler(HTTPException)(_on_http)
    app.exception_handler(ClientDisconnect)(_on_disconnect)
    app.exception_handler(ArtifactMissing)(_on_missing)
    app.exception_handler(Poison)(_on_lost)
    for kind in (Unavailable, StoreUnavailable, ArtifactsUnavailable):
        app.exception_handler(kind)(_on_unavailable)
    app.exception_handler(Exception)(_on_bug)


async def _on_problem(request: Request, error: Problem) -> Response:
    # Without a key, hidden and missing objects look the same, so ids cannot be probed.
    if request.scope.get(NEEDS_KEY) and error.is_hidden:
        return error_response(unauthenticated("this needs an API key, or does not exist"))
    return error_response(error)


async def _on_http(request: Request, error: HTTPException) -> Response:
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        allow = request.app.state.allowed_methods(request.scope)
        message = f"{request.method} is not allowed here, only {allow}"
        return error_response(Problem("method_not_allowed", message, headers={"Allow": allow}))
    return error_response(Problem("not_found", "this path does not exist"))


async def _on_disconnect(_request: Request, _error: Exception) -> Response:
    return error_response(Problem("validation_error", "the request body ended too early"))


async def _on_missing(_request: Request, _error: Exception) -> Response:
    # A document that was just read named the artifact: it was deleted meanwhile.
    return error_response(not_found("such file"))


async def _on_lost(request: Request, error: Exception) -> Response:
    _log.error("history.lost", path=request.url.path, reason=str(error))
    text = "events of this object are lost or unreadable; see the log of the api"
    # 500 rather than 503: trying again cannot help.
    return error_response(Problem("history_lost", text))


async def _on_unavailable(_request: Request, error: Exception) -> Response:
    # The cause is only logged: it may name hosts and folders.
    _log.warning("request.postponed", reason=repr(error))
    after = ceil(error.after.total_seconds()) if isinstance(error, Unavailable) else RETRY_AFTER_S
    headers = {"Retry-After": str(max(1, after))}
    if isinstance(error, StorageFull):
        return error_response(Problem("storage_full", "the storage is full", headers=headers))
    text = "temporarily unavailable, please try again"
    return error_response(Problem("unavailable", text, headers=headers))


async def _on_bug(request: Request, error: Exception) -> Response:
    # The server, which sees the exception too, logs the traceback.
    _log.error("request.broke", path=request.url.path, error=repr(error))
    return error_response(Problem("internal", "internal error; see the log of the api"))
