"""Create all streams, buckets and consumers of eventjob, and check existing ones."""

from collections.abc import Mapping
from typing import NamedTuple

import nats.errors
from nats.js.api import StreamConfig
from nats.js.errors import APIError, NotFoundError

from eventjob.bus import subjects
from eventjob.bus.buckets import hosts, http_cache, leases, objects
from eventjob.bus.errors import Unavailable
from eventjob.bus.streams import topology
from eventjob.bus.streams.ensure import ensure_stream, with_replicas
from eventjob.bus.streams.permissions import may_create
from eventjob.bus.wire.connection import Connection

LASTING = (*topology.LASTING, http_cache.STREAM, leases.CONFIG, objects.CONFIG)
DERIVED = (*topology.DERIVED, hosts.CONFIG)  # in memory: the scheduler makes them again


class StreamCheck(NamedTuple):
    """A stream: whether it existed, and which of its settings differ from ours."""

    stream: str
    was_there: bool
    differences: tuple[str, ...]
    consumers: int


async def ensure_for_scheduler(connection: Connection) -> None:
    """Create what a scheduler needs and may create.

    Raises:
        Unavailable: something is missing that it may not create.
        nats.errors.Error: the server refuses, or does not answer.
    """
    await topology.ensure_streams(connection)
    await ensure_stream(connection, hosts.CONFIG)
    is_free = may_create(connection.user, subjects.CMD)
    await topology.ensure_consumers(connection.brief, derived_only=not is_free)


async def provision(connection: Connection) -> list[StreamCheck]:
    """Create all that is missing and report what exists; existing streams keep their settings.

    Raises:
        Unavailable: the server refuses, or does not answer.
    """
    try:
        configs = [with_replicas(config, connection.replicas) for config in (*LASTING, *DERIVED)]
        before = [await _config(connection, config.name or "") for config in configs]
        for config in configs:
            await ensure_stream(connection, config)
        await topology.ensure_consumers(connection.jetstream)
        return [
            await _check_stream(connection, config, was_there=there is not None)
            for config, there in zip(configs, before, strict=True)
        ]
    except (APIError, TimeoutError, nats.errors.Error) as error:
        raise Unavailable(f"cannot create the streams and buckets: {error!r}") from error


async def _config(connection: Connection, stream: str) -> StreamConfig | None:
    try:
        return (await connection.jetstream.stream_info(stream)).config
    except NotFoundError:
        return None


async def _check_stream(
    connection: Connection, wanted: StreamConfig, *, was_there: bool
) -> StreamCheck:
    info = await connection.jetstream.stream_info(wanted.name or "")
    return StreamCheck(
        stream=wanted.name or "",
        was_there=was_there,
        differences=find_differences(wanted.as_dict(), info.config.as_dict()),
        consumers=info.state.consumer_count,
    )


def find_differences(wanted: Mapping[str, object], there: Mapping[str, object]) -> tuple[str, ...]:
    """Describe the settings of a stream that differ from ours."""
    return tuple(
        f"{name} is {there.get(name)!r}, but a new stream would get {value!r}"
        for name, value in sorted(wanted.items())
        if not _is_free(value) and there.get(name) != value
    )


def _is_free(value: object) -> bool:
    """Return True for a value that the server chooses: None or 0; False is a choice of ours."""
    return value is None or (value == 0 and value is not False)
