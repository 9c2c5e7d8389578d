"""The processor as it is, with a probe in its event loop: each SIGUSR1 has it print, in
milliseconds, by how much 99 of 100 looks were late since the last one, and the latest of all.
"""

import asyncio
import os
import signal
import sys

from table import percentile

from eventjob.runtime.lifecycle import Stop, run_service
from eventjob.runtime.logs import set_up_logs
from eventjob.runtime.settings import Settings, read_settings
from services.processor import main

EVERY_S = 0.005


async def probed(settings: Settings, stop: Stop) -> None:
    loop = asyncio.get_running_loop()
    late_ms: list[float] = []

    def look(due: float) -> None:
        late_ms.append((loop.time() - due) * 1000)
        loop.call_at(loop.time() + EVERY_S, look, loop.time() + EVERY_S)

    def tell() -> None:
        sys.stdout.write(f"{percentile(late_ms, 99)} {max(late_ms)} {len(late_ms)}\n")
        sys.stdout.flush()
        late_ms.clear()

    look(loop.time())
    loop.add_signal_handler(signal.SIGUSR1, tell)
    await main.run(settings, stop)


if __name__ == "__main__":
    settings = read_settings(os.environ)
    set_up_logs("processor", settings.log_level)
    sys.exit(
        run_service(
            "processor", lambda stop: probed(settings, stop), parent_pipe=settings.parent_pipe
        )
    )
