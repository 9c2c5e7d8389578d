"""Requests counted and timed, for Prometheus. Labels never hold what clients make up."""

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
from services.api.context import Here

_log = get_logger("api")
_STATUSES: tuple[Status, ...] = ("pending", "processing", "completed", "failed")
_EVERYTHING = Caller(None, trusted=True)
_METHODS = frozenset({"GET", "HEAD", "POST", "DELETE", "PUT", "PATCH", "OPTIONS"})
_BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Metrics:
    """What this process has answered so far."""

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
            "From the request's head to the last byte of its answer.",
            ("route", "method"),
            buckets=_BUCKETS_S,
            registry=self._registry,
        )

        self._jobs = Gauge(
            "eventjob_jobs", "Jobs, by status.", ("status",), registry=self._registry
        )
        self._sequence = Gauge(
            "eventjob_projection_sequence",
            "The last event that the projection reflects.",
            registry=self._registry,
        )
        self._troubles = Gauge(
            "eventjob_troubles",
            "Reasons for which bus, scheduler or projector are not ready.",
            registry=self._registry,
        )

        self._parked = Gauge(
            "eventjob_parked_messages",
            "Messages that nobody could handle: `eventjob parked` lists them.",
            registry=self._registry,
        )

    def answered(self, route: str, method: str, status: int, took_s: float) -> None:
        """Count one request."""
        method = method if method in _METHODS else "other"
        self._requests.labels(route, method, str(status)).inc()
        self._durations.labels(route, method).observe(took_s)

    def projected(self, jobs: Mapping[str, int], sequence: int) -> None:
        """Note the jobs of each status, and how far the projection is."""
        for status, count in jobs.items():
            self._jobs.labels(status).set(count)
        self._sequence.set(sequence)

    def troubled(self, count: int) -> None:
        """Note how many things are not as they should be."""
        self._troubles.set(count)

    def parked(self, count: int) -> None:
        """Note how many messages are parked."""
        self._parked.set(count)

    def text(self) -> bytes:
        """All metrics in the format that Prometheus reads."""
        return generate_latest(self._registry)


class RequestMetrics:
    """An ASGI app whose answers are counted, timed, and logged for whoever debugs."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, and look at the answer's status."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = int(HTTPStatus.INTERNAL_SERVER_ERROR)
        began = perf_counter()

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, noting)
        finally:
            route = getattr(scope.get("route"), "path", "unmatched")
            took_s = perf_counter() - began
            self._metrics.answered(route, scope["method"], status, took_s)
            _log.debug(
                "request.answered",
                route=route,
                method=scope["method"],
                status=status,
                took_ms=round(took_s * 1000, 3),
            )


async def get_metrics(request: Request, here: Here) -> Response:
    """All metrics; what the store or the bus says stays as it was while they are away."""
    metrics: Metrics = request.app.state.metrics
    with suppress(StoreUnavailable):
        metrics.projected(await _jobs(here.store), await here.store.checkpoint())
    with suppress(Unavailable):
        metrics.parked(await here.projection.count_parked())
    metrics.troubled(len(here.projection.find_troubles()))
    return Response(metrics.text(), headers={"Content-Type": CONTENT_TYPE_LATEST})


async def _jobs(store: Store) -> dict[str, int]:
    queries = [JobQuery(caller=_EVERYTHING, status=status, limit=0) for status in _STATUSES]
    return {str(query.status): (await store.list_jobs(query)).total or 0 for query in queries}
