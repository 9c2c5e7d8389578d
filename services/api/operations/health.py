"""Whether this service is alive, and whether it can work."""

from http import HTTPStatus

from starlette.responses import Response

from eventjob.bus.errors import Unavailable
from eventjob.projection.store import StoreUnavailable
from services.api.context import Context, Here
from services.api.response.answers import answer
from services.api.response.views import MessageAnswer, NotReadyAnswer


async def get_health() -> Response:
    """Alive."""
    return answer(MessageAnswer(message="alive"))


async def get_readiness(here: Here) -> Response:
    """Ready, or 503 with the reasons; what is parked is said, and keeps nobody from working."""
    reasons = [*here.projection.find_troubles(), *await _own_troubles(here)]
    if not reasons:
        return answer(MessageAnswer(message="ready" + await _parked(here)))
    view = NotReadyAnswer(message="; ".join(reasons), details=reasons)
    return answer(view, HTTPStatus.SERVICE_UNAVAILABLE, {"Retry-After": "2"})


async def _parked(here: Context) -> str:
    try:
        count = await here.projection.count_parked()
    except Unavailable:
        return ""
    return f"; {count} messages are parked, see `eventjob parked`" if count else ""


async def _own_troubles(here: Context) -> list[str]:
    found = []
    try:
        await here.store.checkpoint()
    except StoreUnavailable:
        found.append("the store does not answer")
    if here.space.is_short():
        found.append("there is too little room left on the disk")
    return found
