"""The api process: open the ports, serve, close the ports."""

from contextlib import AsyncExitStack

from eventjob.artifacts.open_artifacts import reach_artifacts
from eventjob.bus.roles.commands import CommandSender
from eventjob.bus.roles.watch import Watch
from eventjob.bus.wire.connection import connect_as
from eventjob.projection.open_store import open_store
from eventjob.retired.whole_log import WholeLog
from eventjob.runtime.disk_space import DiskSpace
from eventjob.runtime.lifecycle import EXIT_WRONG_USE, CannotStart, Stop
from eventjob.runtime.logs import Logger, get_logger
from eventjob.runtime.settings import Settings
from services.api.access.authenticate import KeyPolicy
from services.api.access.keys import KeyRing, KeysError
from services.api.app import create_app
from services.api.context import Context, Options
from services.api.server.server import Server, listen, raise_file_limit


async def run(settings: Settings, stop: Stop) -> None:
    """Answer requests until ``stop``.

    Raises:
        CannotStart: cannot listen at host and port.
        Unavailable: cannot reach a NATS server.
        ValueError: a setting is wrong; the text names it.
    """
    log = get_logger("api")
    options = _options(settings, log)
    raise_file_limit()
    async with AsyncExitStack() as stack:
        # Listen first: a port that is in use is found before anything else is opened.
        listener = stack.enter_context(listen(settings.host, settings.port))
        artifacts = await reach_artifacts(settings.artifacts_url)
        store = open_store(settings.store_url)
        stack.push_async_callback(store.close)
        connection = await connect_as("api", settings.nats, log)
        stack.push_async_callback(connection.close)
        watch = Watch(connection)
        await watch.open()
        context = Context(
            commands=await stack.enter_async_context(CommandSender(connection, artifacts)),
            history=WholeLog(connection, artifacts),
            projection=watch,
            store=store,
            artifacts=artifacts,
            space=DiskSpace(settings.data_dir, settings.min_free_bytes),
            options=options,
        )
        await Server(create_app(context), listener, log).run_until(stop)


def _options(settings: Settings, log: Logger) -> Options:
    return Options(
        host=settings.host,
        is_open=settings.anonymous == "full",
        key_policy=_open_keys(settings, log),
        max_body_bytes=settings.max_body_bytes,
    )


def _open_keys(settings: Settings, log: Logger) -> KeyPolicy | None:
    if settings.api_keys_file is None:
        return None
    try:
        ring = KeyRing(settings.api_keys_file, log)
    except KeysError as error:
        raise CannotStart(f"EVENTJOB_API_KEYS_FILE: {error}", EXIT_WRONG_USE) from error
    return KeyPolicy(ring, settings.rate_limit, anonymous_reads=settings.anonymous != "none")
