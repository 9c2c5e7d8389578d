"""What a session's page costs at the least with a pool: fetched, and read in other processes.

The functions are the processor's, and so are the pool and its size. What is left out is all that
is done beyond: the bus, robots.txt, the host's turn, Markdown, artifacts. Prints pages/s, and the
milliseconds of CPU time that a page took outside the pool.
"""

import asyncio
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
from adapter_jobs import jobs
from bare_loop import OpenGate

from eventjob.contracts.parameters import Parameters
from eventjob.fetch.addresses import AddressGuard, parse_allowances
from eventjob.fetch.caps import PAGE
from eventjob.fetch.client import Fetcher
from services.processor.extract.cascade import read_page
from services.processor.pool.pool import Pool

CONCURRENCY = 16  # as one processor's
WARM_UP = 200


async def read(fetcher: Fetcher, pool: Pool, parameters: Parameters, folder: Path) -> None:
    """One page, fetched and read."""
    page = await fetcher.fetch(parameters.url, caps=PAGE, gate=OpenGate(), directory=folder)
    reading = await pool.run(read_page, page.path, page.charset, page.final_url, parameters)
    page.path.unlink()
    assert reading.is_session


async def read_all(fetcher: Fetcher, pool: Pool, port: int, name: str, count: int) -> None:
    left = iter([msgspec.json.decode(job, type=Parameters) for job in jobs(port, name, count)])

    async def some(folder: Path) -> None:
        for parameters in left:
            await read(fetcher, pool, parameters, folder)

    with TemporaryDirectory() as folder:
        await asyncio.gather(*(some(Path(folder)) for _ in range(CONCURRENCY)))


async def main(port: int, name: str, count: int) -> tuple[float, float]:
    guard = AddressGuard(parse_allowances(f"127.0.0.1/32:{port}"))
    fetcher, pool = Fetcher(guard=guard, user_agent="eventjob-bench"), Pool()
    try:
        await pool.open()
        await read_all(fetcher, pool, port, "warmup", WARM_UP)
        began, used_s = time.perf_counter(), time.process_time()
        await read_all(fetcher, pool, port, name, count)
        took_s, used_s = time.perf_counter() - began, time.process_time() - used_s
        return count / took_s, used_s * 1000 / count
    finally:
        pool.close()
        await fetcher.close()


if __name__ == "__main__":
    rate, used_ms = asyncio.run(main(int(sys.argv[1]), sys.argv[2], int(sys.argv[3])))
    sys.stdout.write(f"{rate} {used_ms}\n")
