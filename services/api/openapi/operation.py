"""An operation of the API: path, handler, and the facts for its documentation."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import msgspec
from starlette.routing import compile_path

from services.api.response.views import ErrorAnswer


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """One method on one path. Its summary is the first line of the handler's docstring."""

    method: str
    path: str
    handler: Callable[..., Any]
    response: type[msgspec.Struct] | str  # a view, or a media type other than JSON
    status: HTTPStatus = HTTPStatus.OK
    may_answer_202: bool = False
    body: type[msgspec.Struct] | None = None
    is_body_optional: bool = False
    query: tuple[str, ...] = ()
    headers: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()  # codes of services.api.response.errors.STATUS
    error_view: type[msgspec.Struct] = ErrorAnswer

    @property
    def id(self) -> str:
        """The handler's name; the alias outside ``/jobs`` has a name of its own."""
        name: str = self.handler.__name__
        return f"{name}_alias" if self.path.endswith("event-job/{job_id}/restart") else name

    @property
    def uses_keys(self) -> bool:
        """True if the operation looks at the API key."""
        return "unauthenticated" in self.errors

    @property
    def methods(self) -> list[str]:
        """HTTP methods: GET includes HEAD."""
        return ["GET", "HEAD"] if self.method == "GET" else [self.method]

    def is_on_path(self, path: str) -> bool:
        """True if a request's ``path`` matches, whatever its method."""
        return compile_path(self.path)[0].match(path) is not None
