"""Jobs for the pages of `adapter_site.py`."""

import msgspec
from adapter_pages import title

from eventjob.contracts.parameters import Parameters


def jobs(port: int, name: str, count: int) -> list[bytes]:
    """The parameters of ``count`` jobs, each with a page of its own."""
    return [_job(port, f"{name}-{number}") for number in range(1, count + 1)]


def _job(port: int, name: str) -> bytes:
    return msgspec.json.encode(
        Parameters(
            event="Harbour Days 2030",
            session=title(name),
            url=f"http://127.0.0.1:{port}/2030/event/{name}/",
            filename=f"{name}.md",
            track="Queues",
        )
    )
