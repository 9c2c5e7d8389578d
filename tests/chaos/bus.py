"""The bus: one nats-server, or three that are a cluster, all on the same small disk."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from nats.errors import Error
from nats.js.errors import APIError
from nats_server import free_port

from chaos.keeper import Kept
from eventjob.bus.errors import Unavailable
from eventjob.bus.wire.connection import connect

ELECTED_WITHIN_S = 60.0
CONFIG = """\
server_name: {name}
listen: "127.0.0.1:{port}"
jetstream {{ store_dir: "{disk}/{name}", sync_interval: always, max_file_store: 8GB }}
max_payload: 8MB
max_pending: 256MB
"""
# not advertised: clients would go around the line that stands between them and the servers
CLUSTER = 'cluster {{ name: chaos, listen: "127.0.0.1:{route}", routes: [{routes}], {quiet} }}\n'
QUIET = "no_advertise: true"


class Bus:
    """Its servers' names and ports; ``url`` is where clients find whichever is there."""

    def __init__(self, count: int, url: str) -> None:
        self.url = url
        self.names = ["nats-server"] if count == 1 else [f"nats-{n + 1}" for n in range(count)]
        self.ports = [free_port() for _ in self.names]
        self._routes = [free_port() for _ in self.names]

    def programs(self, binary: Path, folder: Path, disk: Path) -> list[Kept]:
        """The servers as the keeper starts them; the configurations are written."""
        found = []
        routes = ", ".join(f'"nats-route://127.0.0.1:{port}"' for port in self._routes)
        for name, port, route in zip(self.names, self.ports, self._routes, strict=True):
            config = folder / f"{name}.conf"
            text = CONFIG.format(name=name, port=port, disk=disk)
            if len(self.names) > 1:
                text += CLUSTER.format(route=route, routes=routes, quiet=QUIET)
            config.write_text(text)
            found.append(Kept([str(binary), "-c", str(config)], {}, folder / f"{name}.log"))
        return found

    def wait(self) -> None:
        """Until a stream can be made on all servers."""

        async def made(jetstream: Any) -> bool:
            copies = len(self.names)
            await jetstream.add_stream(name="FIRST", subjects=["first"], num_replicas=copies)
            return await jetstream.delete_stream("FIRST")

        deadline = time.monotonic() + ELECTED_WITHIN_S
        while not self._asked(made):
            assert time.monotonic() < deadline, "the bus takes no stream"
            time.sleep(0.2)

    def leader(self, stream: str) -> str | None:
        """The name of the server that leads a stream, where there is one."""

        async def led(jetstream: Any) -> str | None:
            cluster = (await jetstream.stream_info(stream)).cluster
            return cluster.leader if cluster is not None else None

        return self._asked(led)

    def _asked(self, ask: Callable[[Any], Awaitable[Any]]) -> Any:
        """What the servers answer, or None while they cannot."""

        async def asked() -> Any:
            connection = await connect(self.url, name="chaos")
            try:
                return await ask(connection.jetstream)
            finally:
                await connection.close()

        try:
            return asyncio.run(asked())
        except (APIError, Error, TimeoutError, Unavailable):
            return None
