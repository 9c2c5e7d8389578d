"""Prometheus metrics: requests by route, jobs by status, state of the projection."""

from collections.abc import Mapping
from contextlib import suppress
from http import HTTPStatus
from time import perf_counter

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import generate_latest
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from eventjob.bus.errors import Unavailable
from eventjob.domain.access import Caller
from eventjob.projection.read_model import Status
from eventjob.projection.store import JobQuery, Store, StoreUnavailable
from eventjob.runtime.logs import get_logger
from services.api.context import ContextDep

_log = get_logger("api")
_STATUSES: tuple[Status, ...] = ("pending", "processing", "completed", "failed")
_EVERYTHING = Caller(None, trusted=True)
_METHODS = frozenset({"GET", "HEAD", "POST", "DELETE", "PUT", "PATCH", "OPTIONS"})
_BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Metrics:
    """Metrics of this process."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "eventjob_http_requests",
            "Requests answered.",
            ("route", "method", "status"),
            registry=self._registry,
        )
        self._durations = Histogram(
            "eventjob_http_request_duration_seconds",
            "Seconds from the request's head to the last byte of the response.",
            ("route", "method"),
            buckets=_BUCKETS_S,
            registry=self._registry,
        )
        self._jobs = Gauge("eventjob_jobs", "Jobs by status.", ("status",), registry=self._registry)
        self._sequence = Gauge(
            "eventjob_projection_sequence",
            "Sequence of the last event that the projection reflects.",
            registry=self._registry,
        )
        self._troubles = Gauge(
            "eventjob_troubles",
            "Problems of bus, scheduler and projector.",
            registry=self._registry,
        )
        self._parked = Gauge(
            "eventjob_parked_messages",
            "Parked messages, which `eventjob parked` lists.",
            registry=self._registry,
        )

    def count_request(self, route: str, method: str, status: int, took_s: float) -> None:
        """Count one request."""
        method = method if method in _METHODS else "other"  # clients must not add labels
        self._requests.labels(route, method, str(status)).inc()
        self._durations.labels(route, method).observe(took_s)

    def set_projection(self, jobs: Mapping[str, int], sequence: int) -> None:
        """Set the number of jobs by status, and the projection's sequence."""
        for status, count in jobs.items():
            self._jobs.labels(status).set(count)
        self._sequence.set(sequence)

    def set_troubles(self, count: int) -> None:
        """Set the number of problems."""
        self._troubles.set(count)

    def set_parked(self, count: int) -> None:
        """Set the number of parked messages."""
        self._parked.set(count)

    def render(self) -> bytes:
        """Return all metrics in Prometheus' text format."""
        return generate_latest(self._registry)


class RequestMetrics:
    """ASGI middleware that counts, times and logs every request."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and record the response's status and time."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = int(HTTPStatus.INTERNAL_SERVER_ERROR)  # of a handler that fails without response
        started_at = perf_counter()

        async def send_and_record(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, send_and_record)
        finally:
            route = getattr(scope.get("route"), "path", "unmatched")  # the pattern: few labels
            took_s = perf_counter() - started_at
            self._metrics.count_request(route, scope["method"], status, took_s)
            _log.debug(
                "request.answered",
                route=route,
                method=scope["method"],
                status=status,
                took_ms=round(took_s * 1000, 3),
            )


async def get_metrics(request: Request, context: ContextDep) -> Response:
    """Return all metrics for Prometheus."""
    # While store or bus are away, their values stay as they were.
    metrics: Metrics = request.app.state.metrics
    with suppress(StoreUnavailable):
        metrics.set_projection(await _count_jobs(context.store), await context.store.checkpoint())
    with suppress(Unavailable):
        metrics.set_parked(await context.projection.count_parked())
    metrics.set_troubles(len(context.projection.find_troubles()))
    return Response(metrics.render(), headers={"Content-Type": CONTENT_TYPE_LATEST})


async def _count_jobs(store: Store) -> dict[str, int]:
    queries = [JobQuery(caller=_EVERYTHING, status=status, limit=0) for status in _STATUSES]
    return {str(query.status): (await store.list_jobs(query)).total or 0 for query in queries}
