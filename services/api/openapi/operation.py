"""An operation of the API: where it is, who handles it, and all that its documentation says."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import msgspec
from starlette.routing import compile_path

from services.api.response.views import ErrorAnswer


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """One method on one path. Its summary is the handler's docstring.

    ``answer`` is the view of a good answer, or the media type of one that is no JSON; ``later``
    says that a write may answer 202; ``errors`` are codes of
    `services.api.response.errors.STATUS`, and ``refusal`` is the view of them.
    """

    method: str
    path: str
    handler: Callable[..., Any]
    answer: type[msgspec.Struct] | str
    status: HTTPStatus = HTTPStatus.OK
    later: bool = False
    body: type[msgspec.Struct] | None = None
    is_body_optional: bool = False
    query: tuple[str, ...] = ()
    headers: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()
    refusal: type[msgspec.Struct] = ErrorAnswer

    @property
    def id(self) -> str:
        """The handler's name; an alias outside ``/jobs`` has its own."""
        name: str = self.handler.__name__
        return f"{name}_alias" if self.path.endswith("event-job/{job_id}/restart") else name

    @property
    def is_behind_door(self) -> bool:
        """Whether an API key means something here."""
        return "unauthenticated" in self.errors

    @property
    def methods(self) -> list[str]:
        """With GET comes HEAD."""
        return ["GET", "HEAD"] if self.method == "GET" else [self.method]

    def is_at(self, path: str) -> bool:
        """Whether a request for ``path`` means this operation, or another method on its path."""
        return compile_path(self.path)[0].match(path) is not None
