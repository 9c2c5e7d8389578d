"""Run a service until a signal stops it or its parent ends."""

import asyncio
import gc
import os
import signal
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeAlias

from eventjob.runtime.async_tasks import cancel_and_wait
from eventjob.runtime.logs import get_logger
from eventjob.runtime.setting_reader import SettingsError

__all__ = ["CannotStart", "Stop", "run_service"]

Stop: TypeAlias = asyncio.Event

COLLECT_AFTER = (50_000, 20, 100)  # objects; Python's defaults cost a tenth of all CPU time
HEARTBEAT_EVERY_S = 2.0
EXIT_OK = 0
EXIT_FAILED = 1
EXIT_WRONG_USE = 2


class CannotStart(Exception):
    """A problem that the operator can fix; shown in one line."""

    def __init__(self, reason: str, exit_code: int = EXIT_FAILED) -> None:
        super().__init__(reason)
        self.exit_code = exit_code


def run_service(
    name: str,
    main: Callable[[Stop], Awaitable[None]],
    *,
    parent_pipe: int | None = None,
    heartbeat_file: Path | None = None,
) -> int:
    """Run ``main`` and return the exit code: 0, 2 for a wrong setting, else 1.

    SIGTERM and SIGINT set the event that ``main`` gets; a second signal ends the process at once.

    Args:
        name: of the service, for the log.
        main: cleans up and returns soon after the event is set.
        parent_pipe: an inherited descriptor; this process exits at once when the parent closes it.
        heartbeat_file: touched every 2 s while the event loop turns.
    """
    log = get_logger(name)
    gc.set_threshold(*COLLECT_AFTER)
    try:
        asyncio.run(_run(main, parent_pipe, heartbeat_file))
    except (CannotStart, SettingsError) as reason:
        sys.stderr.write(f"eventjob {name}: {reason}\n")
        return reason.exit_code if isinstance(reason, CannotStart) else EXIT_WRONG_USE
    except Exception:  # outermost: an error that is not logged here is lost
        log.exception("service.broke")
        return EXIT_FAILED
    log.info("service.stopped")
    return EXIT_OK


async def _run(
    main: Callable[[Stop], Awaitable[None]], parent_pipe: int | None, heartbeat_file: Path | None
) -> None:
    stop = Stop()

    def on_signal() -> None:
        if stop.is_set():
            os._exit(EXIT_FAILED)
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, on_signal)
    if parent_pipe is not None:
        threading.Thread(target=_end_with_parent, args=(parent_pipe,), daemon=True).start()
    async with touch_heartbeat(heartbeat_file):
        await main(stop)


def _end_with_parent(parent_pipe: int) -> None:
    """Block until the parent ends, then exit at once.

    ``up`` restarts quickly and needs the port; unfinished work is redone as after any crash.
    """
    os.read(parent_pipe, 1)  # the parent never writes, so this returns when it ends
    os._exit(EXIT_FAILED)


@asynccontextmanager
async def touch_heartbeat(file: Path | None) -> AsyncIterator[None]:
    """Touch ``file``, if there is one, every 2 s inside the context.

    Raises:
        OSError: the file cannot be written.
    """
    if file is None:
        yield
        return
    file.touch()  # noqa: ASYNC240 - microseconds
    task = asyncio.create_task(_touch_periodically(file))
    try:
        yield
    finally:
        await cancel_and_wait(task)


async def _touch_periodically(file: Path) -> None:
    while True:
        await asyncio.sleep(HEARTBEAT_EVERY_S)
        file.touch()  # noqa: ASYNC240 - the same; a full disk does not prevent it
