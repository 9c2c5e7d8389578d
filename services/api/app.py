"""The API as an ASGI app: the operations behind metrics, browser rules and authentication."""

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
    """Build the app on these ports."""
    metrics = Metrics()
    policy = context.options.key_policy
    app = FastAPI(
        openapi_url=None,  # turns off FastAPI's own documentation
        redirect_slashes=False,
        middleware=[
            Middleware(RequestMetrics, metrics=metrics),  # first, so that refusals are counted
            Middleware(BrowserRules, bound_host=context.options.host),
            *([] if policy is None else [Middleware(Authentication, policy=policy)]),
        ],
    )
    app.state.context = context
    app.state.metrics = metrics
    app.state.pages = make_pages(OPERATIONS)
    app.state.allowed_methods = lambda scope: allowed_methods(OPERATIONS, scope)
    for operation in OPERATIONS:
        app.add_api_route(
            operation.path, operation.handler, methods=operation.methods, response_model=None
        )
    errors.install_handlers(app)
    return SecurityHeaders(app)  # outside of FastAPI, whose own 500 must have the headers too


def allowed_methods(operations: Sequence[Operation], scope: Scope) -> str:
    """List the methods of a request's path for an Allow header."""
    matching = [operation for operation in operations if operation.is_on_path(scope["path"])]
    return ", ".join(sorted({method for operation in matching for method in operation.methods}))
