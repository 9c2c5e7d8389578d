"""A process that has taskiq run its tasks, and prints how many seconds that took."""

import asyncio
import sys
import time

from taskiq_tasks import DONE, RUN, WARM_UP, broker, nothing

IN_FLIGHT = 64
WITHIN_S = 90.0


async def kick(count: int) -> None:
    """Send ``count`` tasks, 64 at a time."""
    left = iter(range(count))

    async def some() -> None:
        for _ in left:
            await nothing.kiq()

    await asyncio.gather(*(some() for _ in range(IN_FLIGHT)))


async def main() -> float:
    await broker.startup()
    try:
        done = await broker.client.subscribe(DONE)
        await kick(WARM_UP)
        await done.next_msg(WITHIN_S)
        began = time.perf_counter()
        await kick(RUN)
        await done.next_msg(WITHIN_S)
        return time.perf_counter() - began
    finally:
        await broker.shutdown()


if __name__ == "__main__":
    sys.stdout.write(f"{asyncio.run(main())}\n")
