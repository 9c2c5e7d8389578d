"""Liveness and readiness of this service."""

from http import HTTPStatus

from starlette.responses import Response

from eventjob.bus.errors import Unavailable
from eventjob.projection.store import StoreUnavailable
from services.api.context import Context, ContextDep
from services.api.response.answers import json_response
from services.api.response.views import MessageAnswer, NotReadyAnswer


async def get_health() -> Response:
    """Report that the service is alive."""
    return json_response(MessageAnswer(message="alive"))


async def get_readiness(context: ContextDep) -> Response:
    """Report that the service can work, or 503 with the reasons."""
    reasons = [*context.projection.find_troubles(), *await _find_troubles(context)]
    if not reasons:
        # Parked messages are only mentioned: they keep no other message waiting.
        return json_response(MessageAnswer(message="ready" + await _parked_note(context)))
    view = NotReadyAnswer(message="; ".join(reasons), details=reasons)
    return json_response(view, HTTPStatus.SERVICE_UNAVAILABLE, {"Retry-After": "2"})


async def _parked_note(context: Context) -> str:
    try:
        count = await context.projection.count_parked()
    except Unavailable:
        return ""
    return f"; {count} messages are parked, see `eventjob parked`" if count else ""


async def _find_troubles(context: Context) -> list[str]:
    troubles = []
    try:
        await context.store.checkpoint()
    except StoreUnavailable:
        troubles.append("the store does not answer")
    if context.space.is_short():
        troubles.append("too little disk space is left")
    return troubles
