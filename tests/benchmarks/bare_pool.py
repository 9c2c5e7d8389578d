"""What a session's page costs at the least with a pool: fetched, and read in other processes.

The functions are the processor's, and so are the pool and its size. What is left out is all that
is done beyond: the bus, robots.txt, the host's turn, Markdown, artifacts. Prints pages/s.
"""

import asyncio
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
from client import page_jobs
from fakes_processor import OpenGate

from eventjob.contracts.parameters import Parameters
from eventjob.fetch.addresses import AddressGuard, parse_allowances
from eventjob.fetch.caps import PAGE
from eventjob.fetch.client import Fetcher
from services.processor.extract.cascade import read_page
from services.processor.pool.pool import Pool

CONCURRENCY = 16  # as one processor's
WARM_UP = 200


async def read_all(fetcher: Fetcher, pool: Pool, port: int, name: str, count: int) -> None:
    jobs = page_jobs(port, name, count)
    left = iter([msgspec.convert(job["parameters"], Parameters) for job in jobs])

    async def some(folder: Path) -> None:
        for one in left:
            page = await fetcher.fetch(one.url, caps=PAGE, gate=OpenGate(), directory=folder)
            reading = await pool.run(read_page, page.path, page.charset, page.final_url, one)
            page.path.unlink()
            assert reading.is_session

    with TemporaryDirectory() as folder:
        await asyncio.gather(*(some(Path(folder)) for _ in range(CONCURRENCY)))


async def main(port: int, name: str, count: int) -> float:
    guard = AddressGuard(parse_allowances(f"127.0.0.1/32:{port}"))
    fetcher, pool = Fetcher(guard=guard, user_agent="eventjob-bench"), Pool()
    try:
        await pool.open()
        await read_all(fetcher, pool, port, "warmup", WARM_UP)
        began = time.perf_counter()
        await read_all(fetcher, pool, port, name, count)
        return count / (time.perf_counter() - began)
    finally:
        pool.close()
        await fetcher.close()


if __name__ == "__main__":
    print(asyncio.run(main(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]))))
