"""The API as an ASGI app: the operations, between guards, browser rules, metrics and errors."""

from collections.abc import Sequence

from fastapi import FastAPI
from starlette.middleware import Middleware
from starlette.types import ASGIApp, Scope

from services.api.access.authenticate import Authentication
from services.api.access.browser import BrowserRules, SecurityHeaders
from services.api.context import Context
from services.api.openapi.operation import Operation
from services.api.openapi.pages import make_pages
from services.api.operations.metrics import Metrics, RequestMetrics
from services.api.response import errors
from services.api.routes import OPERATIONS


def create_app(context: Context) -> ASGIApp:
    """The app on these ports."""
    metrics = Metrics()
    door = context.options.door
    app = FastAPI(
        openapi_url=None,  # and with it no documentation of FastAPI's own
        redirect_slashes=False,
        middleware=[
            Middleware(RequestMetrics, metrics=metrics),
            Middleware(BrowserRules, bound_host=context.options.host),
            *([] if door is None else [Middleware(Authentication, door=door)]),
        ],
    )
    app.state.context = context
    app.state.metrics = metrics
    app.state.pages = make_pages(OPERATIONS)
    app.state.allowed = lambda scope: allowed(OPERATIONS, scope)
    for operation in OPERATIONS:
        app.add_api_route(
            operation.path, operation.handler, methods=operation.methods, response_model=None
        )
    errors.install(app)
    return SecurityHeaders(app)


def allowed(operations: Sequence[Operation], scope: Scope) -> str:
    """The methods that the path of a request has, for an Allow header."""
    here = [operation for operation in operations if operation.is_at(scope["path"])]
    return ", ".join(sorted({method for operation in here for method in operation.methods}))
