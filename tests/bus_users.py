"""A nats-server on which each service is a user of its own, as the table of rights has it."""

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from typing import Self

from machine import Machine
from nats_server import NatsServer

from eventjob.bus.streams.permissions import format_authorization
from eventjob.bus.wire.connection import Connection, connect


def password_of(user: str) -> str:
    return f"{user}'s secret"


WITHIN_S = 20
SERVICE_OF = {"client": "api", "fetch": "processor", "archive": "archiver"}


class UsersServer(NatsServer):
    """One server; what the users may do is in its configuration."""

    def __init__(self, more: str = "") -> None:
        super().__init__(format_authorization(lambda user: f'"{password_of(user)}"') + more)


@contextmanager
def users_server() -> Iterator[UsersServer]:
    """The server, up."""
    server = UsersServer()
    server.start()
    try:
        yield server
    finally:
        server.stop()


class Users:
    """``async with Users(server) as users``: connections, and what each was denied."""

    def __init__(self, server: NatsServer) -> None:
        self.url = server.url
        self._stack = AsyncExitStack()
        self._connections: dict[str, Connection] = {}
        self.denied: dict[str, list[str]] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def connection(self, user: str) -> Connection:
        """The user's connection, the same one each time."""
        if user not in self._connections:
            heard = self.denied.setdefault(user, [])

            def hear(event: str, reason: str) -> None:
                if event == "nats.denied":
                    heard.append(reason)

            self._connections[user] = await connect(
                self.url,
                name=user,
                user=user,
                password=password_of(user),
                on_trouble=hear,
            )
            self._stack.push_async_callback(self._connections[user].close)
        return self._connections[user]

    async def may_publish(self, user: str, subject: str, reply: str = "") -> bool:
        """Whether the server takes an empty message."""
        connection = await self.connection(user)
        await connection.client.publish(subject, b"", reply=reply)
        return await self._is_fine(user, connection, f"publish to {subject}")

    async def may_subscribe(self, user: str, subject: str) -> bool:
        connection = await self.connection(user)
        subscription = await connection.client.subscribe(subject)
        is_fine = await self._is_fine(user, connection, f"subscribe to {subject}")
        if is_fine:
            await subscription.unsubscribe()
        return is_fine

    async def _is_fine(self, user: str, connection: Connection, what: str) -> bool:
        """What is denied is said before the answer to a ping, which overtakes what is pending."""
        await connection.client.flush()
        await connection.client.flush()
        said = f"user {user} may not {what.lower()}"
        is_fine = said not in self.denied[user]
        self.denied[user].clear()
        connection.client.forget_denials()
        return is_fine


class UsersMachine(Machine):
    """Scheduler, workers and client, each by its own user."""

    async def connect(self, name):
        user = SERVICE_OF.get(name, name)
        connection = await connect(
            self.url, name=name, user=user, password=password_of(user), on_trouble=self.hear
        )
        self.stack.push_async_callback(connection.close)
        return connection

    def hear(self, event, reason):
        self.log.warning(event, reason=reason)


async def state(users, stream):
    connection = await users.connection("provision")
    return (await connection.jetstream.stream_info(stream)).state


async def until(check):
    async with asyncio.timeout(WITHIN_S):
        while not await check():
            await asyncio.sleep(0.05)


async def reaches(users, stream, **wanted):
    """Until the state of a stream has this field."""
    ((name, value),) = wanted.items()

    async def is_there():
        return getattr(await state(users, stream), name) == value

    await until(is_there)
