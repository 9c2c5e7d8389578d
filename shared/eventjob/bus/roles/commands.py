"""Send commands to the scheduler, and receive its replies."""

import asyncio
from types import TracebackType
from typing import Protocol, Self
from uuid import uuid4

import msgspec
from nats.aio.msg import Msg

from eventjob.bus import subjects
from eventjob.bus.errors import NoAnswer, StorageFull, Unavailable
from eventjob.bus.log.log import FULL
from eventjob.bus.subjects import caller_headers
from eventjob.bus.wire.connection import Connection
from eventjob.bus.wire.publish import Outgoing, Rejected, publish
from eventjob.contracts.commands import Command, FailBatches, GroupCommand, StoredCommand
from eventjob.contracts.replies import Reply
from eventjob.domain.access import Caller

ANSWER_WITHIN_S = 5.0
LARGEST_MESSAGE_BYTES = 7 * 1024 * 1024  # above it a command travels as an artifact

_encoder = msgspec.json.Encoder()
_replies = msgspec.json.Decoder(Reply)


class Blobs(Protocol):
    """Stores commands that are too large for one message."""

    async def put(self, data: bytes) -> str:
        """Store ``data`` and return its sha256."""


class CommandSender:
    """Sends commands and waits for their outcomes."""

    def __init__(self, connection: Connection, blobs: Blobs) -> None:
        self._connection = connection
        self._blobs = blobs
        self._inbox = connection.client.new_inbox()
        self._waiting: dict[str, asyncio.Future[Reply]] = {}

    async def __aenter__(self) -> Self:
        await self._connection.client.subscribe(f"{self._inbox}.*", cb=self._hear)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for waiter in self._waiting.values():
            waiter.cancel()

    async def send(self, command: GroupCommand, *, group: str, caller: Caller) -> Reply:
        """Send a command for one group and return its outcome.

        Raises:
            Unavailable: the command was not stored.
            StorageFull: there is no room for it.
            NoAnswer: it is durable, but was not decided within 5 s.
        """
        return await self._send(command, subjects.token_of(group), caller)

    async def send_to_all(self, command: FailBatches, *, caller: Caller) -> list[Reply]:
        """Send a command to all partitions and return their outcomes; raises as `send`."""
        return await asyncio.gather(
            *(self._send(command, token, caller) for token in subjects.ALL_PARTITIONS)
        )

    async def _send(self, command: Command, token: str, caller: Caller) -> Reply:
        if not self._connection.is_connected:
            raise Unavailable("not connected to NATS")
        data = _encoder.encode(command)
        if len(data) > LARGEST_MESSAGE_BYTES:
            data = _encoder.encode(StoredCommand(sha256=await self._blobs.put(data)))
        command_id = uuid4().hex
        waiter: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._waiting[command_id] = waiter
        try:
            await self._publish(token, data, command_id, caller)
            async with asyncio.timeout(ANSWER_WITHIN_S):
                return await waiter
        except TimeoutError as error:
            raise NoAnswer("the scheduler has not answered yet") from error
        finally:
            del self._waiting[command_id]

    async def _publish(self, token: str, data: bytes, command_id: str, caller: Caller) -> None:
        headers = {
            subjects.HEADER_COMMAND: command_id,
            **caller_headers(caller),
            subjects.HEADER_REPLY: f"{self._inbox}.{command_id}",
            "Nats-Msg-Id": command_id,
        }
        message = Outgoing(subjects.command_subject(token), data, headers)
        try:
            await publish(self._connection, [message])
        except Rejected as error:
            if error.code in FULL:
                raise StorageFull(f"no room for commands: {error}") from error
            raise Unavailable(f"the command was refused: {error}") from error

    async def _hear(self, message: Msg) -> None:
        waiter = self._waiting.get(message.subject.rsplit(".", 1)[1])
        if waiter is not None and not waiter.done():
            waiter.set_result(_replies.decode(message.data))
