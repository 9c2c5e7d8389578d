"""The two runs of the demo: the sample conference, and any one page."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from demo import DemoFailed
from demo.any_page import guess_parameters
from demo.client import Client
from demo.containers import run_containers
from demo.data_dir import lock_data_dir
from demo.downloads import download_batch_zip, download_session_zips
from demo.outcome import find_surprises, format_markdown_head, format_outcome
from demo.programme import PlannedJob, load_programme
from demo.screen import Screen
from demo.serve import serve_site
from demo.service import run_service
from demo.watch import watch

DATA_DIR = Path("demo-data")

_SAMPLE_S = 120  # for all its sessions
_PAGE_S = 300  # a real site may be slow, or ask for pauses


def run_sample(screen: Screen) -> Path:
    """Run the sample conference; raise `DemoFailed` if a session ended in an unplanned way."""
    with serve_site() as port:
        site_url = f"http://127.0.0.1:{port}/"
        name, plans = _announce(screen, site_url)
        settings = {
            "EVENTJOB_FETCH_ALLOW": f"127.0.0.1/32:{port}",
            "EVENTJOB_FETCH_DELAY_S": "0.05",  # our own site needs no politeness
            "EVENTJOB_MAX_ATTEMPTS": "2",
        }
        with _start_service(screen, settings) as (client, zips):
            return _run_conference(screen, client, zips, name, plans)


def run_in_containers(screen: Screen) -> Path:
    """Run the same on services in containers."""
    with (
        lock_data_dir(DATA_DIR.absolute()) as data_dir,
        run_containers(screen) as (client, site_url),
    ):
        name, plans = _announce(screen, site_url)
        zips = data_dir.path / "zips"
        zips.mkdir(exist_ok=True)
        return _run_conference(screen, client, zips, name, plans)


def _announce(screen: Screen, site_url: str) -> tuple[str, list[PlannedJob]]:
    name, plans = load_programme(site_url)
    screen.say(f"{name}: {len(plans)} sessions of a sample site, two of them broken on purpose")
    screen.say(f"\n  site     {site_url}")
    return name, plans


def _run_conference(
    screen: Screen, client: Client, zips: Path, name: str, plans: Sequence[PlannedJob]
) -> Path:
    """Submit the batch, wait, compare with the plan, and download all ZIPs."""
    batch_id = client.submit_batch(name, [plan.parameters for plan in plans])
    screen.say(f"  batch    {batch_id}\n")
    jobs = watch(lambda: client.list_jobs(batch_id), screen, _SAMPLE_S)
    screen.say()
    for job in jobs:
        screen.say(format_outcome(job))
    if surprises := find_surprises(jobs, plans):
        raise DemoFailed("\n  ".join(["unplanned outcomes:", *surprises]))
    completed = [client.job(job.job_id) for job in jobs if job.error is None]
    screen.say(f"\n{format_markdown_head(completed[0])}\n")
    paths = download_session_zips(client, completed, zips)
    screen.say(f"  {len(paths)} ZIPs in {zips}, every file as its manifest says")
    batch_path = zips / f"{'-'.join(name.lower().split())}.zip"  # a path to copy has no spaces
    count = download_batch_zip(client, batch_id, batch_path)
    screen.say(f"  and one of the whole batch: {count} files, with an index page\n")
    return batch_path


def run_page(screen: Screen, url: str) -> Path:
    """Turn the page at ``url`` into a session; raise `DemoFailed` with the job's error."""
    parameters = guess_parameters(url)
    screen.say(f"{url}\n\n  assumed from the address; facts on the page itself come first:")
    for name in ("event", "track", "session", "filename"):
        screen.say(f"    {name:9}{parameters[name]}")
    screen.say()
    with _start_service(screen, {"EVENTJOB_MAX_ATTEMPTS": "2"}) as (client, zips):
        job_id = client.submit_job(parameters)
        screen.say(f"  job      {job_id}\n")
        watch(lambda: [client.job(job_id)], screen, _PAGE_S)
        job = client.job(job_id)
        screen.say(f"\n{format_outcome(job)}\n")
        if job.error is not None:
            raise DemoFailed(f"{job.error.code}: {job.error.message}")
        screen.say(f"{format_markdown_head(job)}\n")
        return download_session_zips(client, [job], zips)[0]


@contextmanager
def _start_service(screen: Screen, settings: Mapping[str, str]) -> Iterator[tuple[Client, Path]]:
    """Yield a client of a ready service, and the folder for ZIPs beside the service's data."""
    with lock_data_dir(DATA_DIR.absolute()) as data_dir:
        if data_dir.path.name != DATA_DIR.name:
            screen.say(f"  ({DATA_DIR} is in use by another demo: taking {data_dir.path.name})")
        started_s = time.monotonic()
        with run_service(data_dir, settings) as client:
            took_s = time.monotonic() - started_s
            screen.say(f"  service  {client.url}/docs (eventjob up, ready after {took_s:.1f} s)")
            screen.say(f"  data     {data_dir.path}")
            zips = data_dir.path / "zips"
            zips.mkdir(exist_ok=True)
            yield client, zips
