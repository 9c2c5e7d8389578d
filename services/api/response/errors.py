"""Errors as clients see them: one shape, and one table from code to status."""

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
RETRY_AFTER_S = 2
NEEDS_KEY = "eventjob.needs_key"  # in a scope: keys are in use, and the caller has none

_log = get_logger("api")


class Problem(Exception):
    """The answer is an error. ``code`` is a key of `STATUS`; the text is for people."""

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
        self.is_hidden = is_hidden  # from callers without a key, where keys are in use
        self.code = code
        self.details = details
        self.headers = dict(headers or {})


def invalid(field: str, message: str) -> Problem:
    """A single wrong field, parameter or header."""
    return Problem(
        "validation_error",
        f"{field}: {message}",
        details=[WrongField(field=field, message=message)],
    )


def not_found(what: str, *, is_hidden: bool = False) -> Problem:
    """There is no such thing; ``what`` names it."""
    return Problem("not_found", f"there is no {what}", is_hidden=is_hidden)


def unauthenticated(reason: str, error: str | None = None) -> Problem:
    """Who asks has to say who he is; ``error`` is a code of RFC 6750."""
    challenge = "Bearer" if error is None else f'Bearer error="{error}"'
    return Problem("unauthenticated", reason, headers={"WWW-Authenticate": challenge})


def error_response(problem: Problem) -> Response:
    """The problem as an HTTP answer."""
    answer = ErrorAnswer(
        error_type=problem.code,
        message=str(problem),
        details=problem.details or msgspec.UNSET,
    )
    status = STATUS.get(problem.code, HTTPStatus.INTERNAL_SERVER_ERROR)
    headers = dict(problem.headers)
    if status is HTTPStatus.SERVICE_UNAVAILABLE:
        headers.setdefault("Retry-After", str(RETRY_AFTER_S))
    return Response(
        msgspec.json.encode(answer), status, headers=headers, media_type="application/json"
    )


def install(app: FastAPI) -> None:
    """Let every error, foreseen or not, leave in the one shape."""
    app.exception_handler(Problem)(_on_problem)
    app.exception_handler(HTTPException)(_on_http)
    app.exception_handler(ClientDisconnect)(_on_disconnect)
    app.exception_handler(ArtifactMissing)(_on_missing)
    app.exception_handler(Poison)(_on_lost)
    for kind in (Unavailable, StoreUnavailable, ArtifactsUnavailable):
        app.exception_handler(kind)(_on_unavailable)
    app.exception_handler(Exception)(_on_bug)


async def _on_problem(request: Request, error: Problem) -> Response:
    """Without a key, what may not be seen and what is not there look the same."""
    if request.scope.get(NEEDS_KEY) and error.is_hidden:
        return error_response(unauthenticated("this needs an API key, or is not there"))
    return error_response(error)


async def _on_http(request: Request, error: HTTPException) -> Response:
    """What the router itself says: nothing there, or not with this method."""
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        allow = request.app.state.allowed(request.scope)
        message = f"{request.method} is not possible here, only {allow}"
        return error_response(Problem("method_not_allowed", message, headers={"Allow": allow}))
    return error_response(Problem("not_found", "there is nothing at this address"))


async def _on_disconnect(_request: Request, _error: Exception) -> Response:
    return error_response(Problem("validation_error", "the request's body ended too early"))


async def _on_missing(_request: Request, _error: Exception) -> Response:
    """A file that some document still names is gone: it was deleted just now."""
    return error_response(not_found("such file"))


async def _on_lost(request: Request, error: Exception) -> Response:
    """Events are lost or broken, and trying again helps nobody; which ones is for the log."""
    _log.error("history.lost", path=request.url.path, reason=str(error))
    text = "events of this are lost or cannot be read, and what follows from them; it was logged"
    return error_response(Problem("history_lost", text))


async def _on_unavailable(_request: Request, error: Exception) -> Response:
    """The cause is for the log: it may name hosts and folders."""
    _log.warning("request.postponed", reason=repr(error))
    after = ceil(error.after.total_seconds()) if isinstance(error, Unavailable) else RETRY_AFTER_S
    headers = {"Retry-After": str(max(1, after))}
    if isinstance(error, StorageFull):
        return error_response(Problem("storage_full", "there is no room left", headers=headers))
    text = "this cannot be had right now, please try again"
    return error_response(Problem("unavailable", text, headers=headers))


async def _on_bug(request: Request, error: Exception) -> Response:
    """The traceback is logged by the server, which gets to see the error, too."""
    _log.error("request.broke", path=request.url.path, error=repr(error))
    return error_response(Problem("internal", "something went wrong here; it was logged"))
