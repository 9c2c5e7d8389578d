"""nats-py's client, with a straight way for messages that come by the thousand.

nats-py parses the headers of each message and hands it over through a queue and a task, which
costs more than what most of our messages are for. `tests/integration/test_bus_client.py` holds
what is private here, and in `eventjob.bus.frames`, against each release.
"""

from collections.abc import Callable

import nats.aio.client
from nats.aio.subscription import Subscription

Take = Callable[[bytes, bytes, bytes, bytes], bool]


class Client(nats.aio.client.Client):
    """A client of which some subscriptions are read without detour."""

    def __init__(self) -> None:
        super().__init__()
        self._takers: dict[int, Take] = {}

    def divert(self, subscription: Subscription, take: Take) -> None:
        """Let ``take`` have each message of the subscription before anybody else.

        It hears subject, reply, data and head (b"" where there are no headers) from within the
        reading loop: it must neither wait nor raise. What it answers False to goes the usual way.
        """
        self._takers[subscription._id] = take  # noqa: SLF001 - see the module's docstring

    def restore(self, subscription: Subscription) -> None:
        """Let everything go the usual way again."""
        self._takers.pop(subscription._id, None)  # noqa: SLF001

    async def _process_msg(
        self, sid: int, subject: bytes, reply: bytes, data: bytes, headers: bytes | None
    ) -> None:
        take = self._takers.get(sid)
        if take is None or not take(subject, reply, data, headers or b""):
            await super()._process_msg(sid, subject, reply, data, headers)  # type: ignore[arg-type]
