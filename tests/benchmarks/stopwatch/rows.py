"""What is measured of both sides in turns: pieces of work, by process."""

import json
import time
from collections.abc import Callable
from typing import NamedTuple

from adapter_pages import PLAIN
from client import Jobs, batch_body, page_jobs
from deployment import eventually
from side import WITHIN_S, Heard, Side, Values
from table import percentile

WARM_UP = 20
LOOK_EVERY_S = 0.25  # rarely, since it costs the api time
SETTLED_AFTER_S = 0.2  # what is acknowledged after the last answer
IDLE_AFTER_S = 3.0
PAUSE_S = 0.1  # after a POST; its job is done meanwhile
WORKERS = ("processor", "pool", "archiver")


def start(side: Side, _: int) -> Values:
    return side.start()


def warm_and_idle(side: Side, seconds: int) -> Values:
    """Idle once all is loaded that pages need."""
    small_jobs(side, WARM_UP, "warm")
    known_pages(side, WARM_UP, "warm-known")
    unknown_pages(side, WARM_UP, f"{PLAIN}-warm")
    time.sleep(IDLE_AFTER_S)
    return per(side.used_ms(lambda: time.sleep(seconds)), 10 * seconds)


def small_jobs(side: Side, count: int, name: str = "small") -> Values:
    return batch(side, name, page_jobs(side.site, name, count, small=True))


def known_pages(side: Side, count: int, name: str = "known") -> Values:
    return batch(side, name, page_jobs(side.site, name, count))


def unknown_pages(side: Side, count: int, name: str = PLAIN) -> Values:
    return known_pages(side, count, name)  # the site knows by the name what page is wanted


def batch(side: Side, name: str, jobs: Jobs) -> Values:
    """From the POST until all ZIPs are there."""

    def is_done() -> bool:
        time.sleep(LOOK_EVERY_S)
        found = side.client.batch(name)
        assert found["failed_jobs"] == 0, found
        return found["completed_jobs"] == len(jobs)

    def work() -> None:
        post_batch(side, name, jobs)
        eventually(name, WITHIN_S, is_done)
        time.sleep(SETTLED_AFTER_S)

    return per(side.used_ms(work), len(jobs))


def failed(side: Side, count: int) -> Values:
    """Without the workers, which have begun with some of the jobs."""

    def work() -> None:
        post_batch(side, "many", jobs)
        assert side.client.post("/batches/fail-all", b"{}").json["updated_count"] == 1
        time.sleep(SETTLED_AFTER_S)

    jobs = page_jobs(side.site, "many", count, small=True)
    used = per(side.used_ms(work), count)
    return {process: ms for process, ms in used.items() if process not in WORKERS}


def post_batch(side: Side, name: str, jobs: Jobs) -> None:
    answer = side.client.post("/batches", batch_body(name, jobs))
    assert answer.status in {201, 202}, answer
    eventually(name, WITHIN_S, lambda: side.client.get(f"/batches/{name}").status == 200)


def singles(side: Side, count: int) -> Values:
    """One after the other: CPU by process, and the median of each stage."""
    stages: list[Values] = []

    def work() -> None:
        for job in page_jobs(side.site, "single", count, small=True):
            stages.append(post(side, heard, json.dumps(job).encode()))
            time.sleep(PAUSE_S)

    with side.listening() as heard:
        used = per(side.used_ms(work), count)
    return used | {stage: percentile([one[stage] for one in stages], 50) for stage in stages[0]}


def post(side: Side, heard: Heard, body: bytes) -> Values:
    """Milliseconds from a POST until each of its stages."""
    began = time.perf_counter()
    answer = side.client.post("/jobs", body)
    answered_at = time.perf_counter()
    assert answer.status in {201, 202}, answer
    path = f"/jobs/{answer.json['job']['job_id']}"
    while side.client.get(path).status != 200:
        assert time.perf_counter() - began < WITHIN_S, path
    shown_at = time.perf_counter()
    decided_at, sequence = heard.first("Accepted", began)
    followed_at, _ = heard.first("ProjectedTo", began, sequence)
    moments = {
        "until decided, ms (p50)": decided_at,
        "until followed, ms (p50)": followed_at,
        "until answered, ms (p50)": answered_at,
        "until shown by a GET, ms (p50)": shown_at,
    }
    return {stage: (at - began) * 1000 for stage, at in moments.items()}


def one_job(side: Side, count: int) -> Values:
    return read(side, [f"/jobs/job-many.{n + 1}" for n in range(count)])


def page_of_50(side: Side, count: int) -> Values:
    return read(side, [f"/jobs?limit=50&order={('asc', 'desc')[n % 2]}" for n in range(count)])


def read(side: Side, paths: list[str]) -> Values:
    """By the api alone: the others are idle."""

    def work() -> None:
        assert {side.client.get(path).status for path in paths} == {200}

    return {"api": side.used_ms(work)["api"] / len(paths)}


def per(used_ms: Values, count: int) -> Values:
    return {name: ms / count for name, ms in used_ms.items()}


class Row(NamedTuple):
    """A piece of work, and how many of the unit it does unless a part is asked for."""

    what: str
    unit: str
    count: int
    work: Callable[[Side, int], Values]


ROWS = (  # each relies on those before it
    Row("start of `up` until it is ready", "CPU ms", 1, start),
    Row("idle", "CPU % of a core", 8, warm_and_idle),
    Row("jobs with small pages, from POST to ZIP", "CPU ms per job", 300, small_jobs),
    Row("pages of 4 KB that an adapter knows", "CPU ms per page", 200, known_pages),
    Row("pages of 4 KB that no adapter knows", "CPU ms per page", 200, unknown_pages),
    Row("single POST, and its job until the ZIP", "CPU ms per job", 40, singles),
    Row("batch accepted, then failed by a person", "CPU ms per job", 3000, failed),
    Row("GET of one job of that batch", "CPU ms per request", 1000, one_job),
    Row("GET of a page of 50 of them", "CPU ms per request", 400, page_of_50),
)
