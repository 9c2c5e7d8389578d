"""Three nats-servers that are one cluster: real, on free ports, killed and started by name.

With users, each service is one of its own, as the table of rights has it.
"""

import asyncio
import time
from typing import Self

from bus_users import password_of
from nats.errors import Error
from nats.js.api import ClusterInfo
from nats.js.errors import APIError
from nats_server import NatsServer, free_port

from eventjob.bus.streams.permissions import PROVISION, format_authorization
from eventjob.bus.wire.connection import Connection, connect

NAMES = ("one", "two", "three")
ELECTED_WITHIN_S = 30.0


class NatsCluster:
    """``with NatsCluster() as cluster``: up, whole, and able to make streams."""

    def __init__(self, *, users: bool = False) -> None:
        self._users = users
        rights = format_authorization(lambda user: f'"{password_of(user)}"') if users else ""
        routes = {name: free_port() for name in NAMES}
        listed = ", ".join(f'"nats-route://127.0.0.1:{port}"' for port in routes.values())
        self.servers = {
            name: NatsServer(
                f"server_name: {name}\n"
                f"cluster {{ name: tests, listen: 127.0.0.1:{port}, routes: [{listed}] }}\n"
                + rights
            )
            for name, port in routes.items()
        }
        self.url = ",".join(server.url for server in self.servers.values())

    def __enter__(self) -> Self:
        try:
            for server in self.servers.values():
                server.start()
            asyncio.run(self._until_led())
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def kill(self, name: str) -> None:
        """kill -9."""
        self.servers[name].kill()

    def start(self, name: str) -> None:
        self.servers[name].start()

    async def connect(self, user: str = PROVISION) -> Connection:
        who = {"user": user, "password": password_of(user)} if self._users else {}
        return await connect(self.url, name="tests", replicas=len(NAMES), **who)

    def settings_of(self, user: str) -> dict[str, str]:
        bus = {"EVENTJOB_NATS_URL": self.url, "EVENTJOB_NATS_REPLICAS": f"{len(NAMES)}"}
        if not self._users:
            return bus
        return bus | {"EVENTJOB_NATS_USER": user, "EVENTJOB_NATS_PASSWORD": password_of(user)}

    def leader(self, stream: str) -> str:
        """The name of the server that leads a stream."""
        return asyncio.run(self._leader(stream))

    def wait_until_whole(self, stream: str) -> None:
        """Until all three have all of a stream."""
        deadline = time.monotonic() + ELECTED_WITHIN_S
        while not asyncio.run(self._is_whole(stream)):
            assert time.monotonic() < deadline, f"{stream} has not caught up"
            time.sleep(0.2)

    def stop(self) -> None:
        for server in self.servers.values():
            server.stop()

    async def _until_led(self) -> None:
        connection = await self.connect()
        deadline = time.monotonic() + ELECTED_WITHIN_S
        try:
            while True:
                try:
                    await connection.jetstream.add_stream(name="FIRST", num_replicas=len(NAMES))
                    await connection.jetstream.delete_stream("FIRST")
                except (APIError, Error, TimeoutError):
                    assert time.monotonic() < deadline, "the servers do not become a cluster"
                    await asyncio.sleep(0.1)
                else:
                    return
        finally:
            await connection.close()

    async def _cluster(self, stream: str) -> ClusterInfo | None:
        connection = await self.connect()
        try:
            return (await connection.jetstream.stream_info(stream)).cluster
        except (APIError, Error, TimeoutError):
            return None
        finally:
            await connection.close()

    async def _leader(self, stream: str) -> str:
        cluster = await self._cluster(stream)
        assert cluster is not None
        assert cluster.leader is not None
        return cluster.leader

    async def _is_whole(self, stream: str) -> bool:
        cluster = await self._cluster(stream)
        if cluster is None or cluster.leader is None:
            return False
        others = cluster.replicas or []
        return len(others) == len(NAMES) - 1 and all(peer.current for peer in others)
