"""Messages that nobody can handle, kept where a person can see them."""

from urllib.parse import quote

from eventjob.bus import subjects
from eventjob.bus.connection import Connection
from eventjob.bus.errors import Unavailable
from eventjob.bus.publish import Outgoing, Rejected, publish
from eventjob.bus.pull import Delivery


async def park(connection: Connection, delivery: Delivery, reason: str) -> None:
    """Copy a message to PARKED, with the reason; afterwards it may be terminated.

    Raises:
        Unavailable: it could not be stored: the caller must stop rather than lose it.
    """
    headers = {key: value for key, value in delivery.headers.items() if not key.startswith("Nats-")}
    headers[subjects.HEADER_REASON] = quote(reason[:500], safe=" ")
    message = Outgoing(f"parked.{delivery.subject}", delivery.data, headers)
    try:
        await publish(connection, [message])
    except Rejected as error:
        raise Unavailable(f"a message could not be parked: {error}") from error
