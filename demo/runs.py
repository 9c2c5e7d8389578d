"""The two things that the demo can do: the sample conference, and any one page."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from demo import DemoFailed
from demo.any_page import parameters_for
from demo.client import Client
from demo.containers import containers
from demo.data_dir import free_data_dir
from demo.downloads import batch_zip, session_zips
from demo.outcome import markdown_head, outcome, unexpected
from demo.programme import Planned, programme
from demo.screen import Screen
from demo.serve import serving
from demo.service import running
from demo.watch import watch

DATA_DIR = Path("demo-data")

_SAMPLE_S = 120
_PAGE_S = 300


def run_sample(screen: Screen) -> Path:
    """The ZIP of the sample conference, once each of its sessions has ended as planned.

    Raises:
        DemoFailed: one has not, or something broke.
    """
    with serving() as port:
        site_url = f"http://127.0.0.1:{port}/"
        name, plans = _announced(screen, site_url)
        settings = {
            "EVENTJOB_FETCH_ALLOW": f"127.0.0.1/32:{port}",
            "EVENTJOB_FETCH_DELAY_S": "0.05",
            "EVENTJOB_MAX_ATTEMPTS": "2",
        }
        with _service(screen, settings) as (client, zips):
            return _play(screen, client, zips, name, plans)


def run_contained(screen: Screen) -> Path:
    """The same ZIP, from services in containers.

    Raises:
        DemoFailed: a session has not ended as planned, or something broke.
    """
    with free_data_dir(DATA_DIR.absolute()) as data_dir, containers(screen) as (client, site_url):
        name, plans = _announced(screen, site_url)
        zips = data_dir.path / "zips"
        zips.mkdir(exist_ok=True)
        return _play(screen, client, zips, name, plans)


def _announced(screen: Screen, site_url: str) -> tuple[str, list[Planned]]:
    name, plans = programme(site_url)
    screen.say(f"{name}: {len(plans)} sessions of a sample site, two of them broken on purpose")
    screen.say(f"\n  site     {site_url}")
    return name, plans


def _play(screen: Screen, client: Client, zips: Path, name: str, plans: Sequence[Planned]) -> Path:
    """The ZIP of the whole conference, once each session has ended as planned."""
    batch_id = client.submit_batch(name, [plan.parameters for plan in plans])
    screen.say(f"  batch    {batch_id}\n")
    jobs = watch(lambda: client.jobs_of(batch_id), screen, _SAMPLE_S)
    screen.say()
    for job in jobs:
        screen.say(outcome(job))
    if surprises := unexpected(jobs, plans):
        raise DemoFailed("\n  ".join(["this was not planned:", *surprises]))
    completed = [client.job(job.job_id) for job in jobs if job.error is None]
    screen.say(f"\n{markdown_head(completed[0])}\n")
    paths = session_zips(client, completed, zips)
    screen.say(f"  {len(paths)} ZIPs in {zips}, every file as its manifest says")
    whole = zips / f"{name}.zip"
    count = batch_zip(client, batch_id, whole)
    screen.say(f"  and one of the whole batch: {count} files, with an index page\n")
    return whole


def run_page(screen: Screen, url: str) -> Path:
    """The ZIP of the session at ``url``.

    Raises:
        DemoFailed: its job failed, for the reason that it says, or something broke.
    """
    parameters = parameters_for(url)
    screen.say(f"{url}\n\n  assumed from the address; facts on the page itself come first:")
    for name in ("event", "track", "session", "filename"):
        screen.say(f"    {name:9}{parameters[name]}")
    screen.say()
    with _service(screen, {"EVENTJOB_MAX_ATTEMPTS": "2"}) as (client, zips):
        job_id = client.submit_job(parameters)
        screen.say(f"  job      {job_id}\n")
        watch(lambda: [client.job(job_id)], screen, _PAGE_S)
        job = client.job(job_id)
        screen.say(f"\n{outcome(job)}\n")
        if job.error is not None:
            raise DemoFailed(f"{job.error.code}: {job.error.message}")
        screen.say(f"{markdown_head(job)}\n")
        return session_zips(client, [job], zips)[0]


@contextmanager
def _service(screen: Screen, settings: Mapping[str, str]) -> Iterator[tuple[Client, Path]]:
    """A client of a ready service, and the folder for ZIPs beside the service's data."""
    with free_data_dir(DATA_DIR.absolute()) as data_dir:
        if data_dir.path.name != DATA_DIR.name:
            screen.say(f"  ({DATA_DIR} is in use by another demo: taking {data_dir.path.name})")
        begun = time.monotonic()
        with running(data_dir, settings) as client:
            took_s = time.monotonic() - begun
            screen.say(f"  service  {client.url}/docs (eventjob up, ready after {took_s:.1f} s)")
            screen.say(f"  data     {data_dir.path}")
            zips = data_dir.path / "zips"
            zips.mkdir(exist_ok=True)
            yield client, zips
