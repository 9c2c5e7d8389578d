"""What a session costs at the least, in one process: fetch its page, read it, write its Markdown.

The functions are the processor's. What is left out is all that it does beyond: robots.txt, the
host's turn, the bus, processes for parsing, artifacts, the ZIP. Prints the seconds
that it took, and those of CPU time.
"""

import asyncio
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
from client import session_jobs

from eventjob.contracts.parameters import Parameters
from eventjob.domain.names import session_paths
from eventjob.fetch.addresses import AddressGuard, parse_allowances
from eventjob.fetch.caps import PAGE
from eventjob.fetch.client import Fetcher
from services.processor.compose.document import build_front_matter, render
from services.processor.extract.cascade import read_page
from services.processor.extract.page import build_page
from services.processor.files.attachments import SessionFiles

CONCURRENCY = 16  # as one processor's
WARM_UP = 20


class OpenGate:
    """Lets everything through."""

    async def before_request(self, url: str) -> None: ...

    async def on_connected(self, url: str) -> None: ...
    async def after_request(self, url: str, status: int, headers: Any) -> None: ...


async def session(fetcher: Fetcher, parameters: Parameters, parent: Path) -> str:
    """The Markdown of one session."""
    with TemporaryDirectory(dir=parent) as folder:
        fetched = await fetcher.fetch(
            parameters.url, caps=PAGE, gate=OpenGate(), directory=Path(folder)
        )
        reading = read_page(fetched.path, fetched.charset, fetched.final_url, parameters)
    page = build_page(reading)
    assert not page.is_thin
    paths = session_paths(parameters.event, parameters.track, parameters.filename)
    haul = SessionFiles([], [])
    return render(build_front_matter(parameters, page, fetched, haul, paths), page, haul, paths)


async def sessions(fetcher: Fetcher, site: str, name: str, count: int) -> None:
    """As many sessions, several at a time."""
    jobs = session_jobs(site, name, count)
    left = iter([msgspec.convert(job["parameters"], Parameters) for job in jobs])

    async def some(folder: Path) -> None:
        for parameters in left:
            assert parameters.session in await session(fetcher, parameters, folder)

    with TemporaryDirectory() as folder:
        await asyncio.gather(*(some(Path(folder)) for _ in range(CONCURRENCY)))


async def main(port: str, name: str, count: int) -> tuple[float, float]:
    guard = AddressGuard(parse_allowances(f"127.0.0.1/32:{port}"))
    fetcher = Fetcher(guard=guard, user_agent="eventjob-bench")
    site = f"http://127.0.0.1:{port}"
    try:
        await sessions(fetcher, site, "warmup", WARM_UP)
        began, used_s = time.perf_counter(), time.process_time()
        await sessions(fetcher, site, name, count)
        return time.perf_counter() - began, time.process_time() - used_s
    finally:
        await fetcher.close()


if __name__ == "__main__":
    took_s, used_s = asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
    sys.stdout.write(f"{took_s} {used_s}\n")
