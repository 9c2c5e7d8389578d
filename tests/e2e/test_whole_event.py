"""A whole conference, one batch per track, with and without everything being killed meanwhile.

`EVENTJOB_TEST_LONG=1` runs all 1,093 sessions of a real event, and kills each service three times.
Where the corpus of real sessions is not on the machine, made-up ones do.
"""

import itertools
import json
import os
import random
import time
from collections import defaultdict
from pathlib import Path

import pytest
from deployment import Up, eventually, without_pauses
from process_tree import SERVICES
from stores import STORES, store_url
from verify import all_jobs, check_completed, check_counters

CORPUS = Path(__file__).parents[3] / "shared/corpus/fosdem-2025-sessions.json"
LONG = bool(os.environ.get("EVENTJOB_TEST_LONG"))
TRACKS = 200 if LONG else 12
KILLS = 3 if LONG else 1
DONE_WITHIN_S = 900 if LONG else 240
FEW, JOBS_OF_FEW = 3, 6


def tracks(site):
    """The sessions by track, their addresses on ``site``."""
    found = defaultdict(list)
    for known in json.loads(CORPUS.read_text()) if CORPUS.exists() else made_up():
        path = known["url"].split("/", 3)[3]
        known["url"] = f"{site.url}/{path}"
        if known.get("attachments_url"):
            known["attachments_url"] = f"{site.url}/{path}slides.pdf"
        found[known["track"]].append({"parameters": known})
    return dict(sorted(found.items()))


def made_up():
    for track, number in itertools.product("ABCDEFGHIJKL", range(12)):
        path = f"2025/{track}/{number}/"
        yield {
            "event": "An Event",
            "session": f"Session {number} of {track}",
            "url": f"https://talks.example/{path}",
            "filename": f"session-{number}.md",
            "track": f"Track {track}",
            "attachments_url": f"https://talks.example/{path}x.pdf" if number % 2 else None,
        }


def submit(up, site, count, most=1000):
    """The number of jobs of each batch: ``count`` tracks, of each no more than ``most``."""
    batches = {}
    for number, (track, jobs) in enumerate(list(tracks(site).items())[:count]):
        body = {"batch_name": track, "jobs": jobs[:most]}
        answer = up.patiently("POST", "/batches", body, Idempotency_Key=f"track-{number}")
        assert answer.status in {201, 202}, answer
        batches[answer.json["batch"]["batch_id"]] = len(jobs[:most])
    return batches


def finished(up, batches):
    listed = up.patiently("GET", "/batches?limit=1000").json["batches"]
    return sum(b["status"] in {"completed", "failed"} for b in listed) == len(batches)


def check_everything(up, batches):
    eventually("all batches", DONE_WITHIN_S, lambda: finished(up, batches))
    for batch_id, total in batches.items():
        batch = check_counters(up, batch_id)
        assert (batch["status"], batch["total_jobs"]) == ("completed", total)
        for job in all_jobs(up, batch_id):
            check_completed(up, job)
    assert up.get("/jobs?limit=0").json["total"] == sum(batches.values())


def deployed(folder, site, **more):
    settings = {"EVENTJOB_RETRY_BASE_S": "0.2", "EVENTJOB_MAX_ATTEMPTS": "20", **more}
    return Up(folder, "docs-team", **without_pauses(site.port), **settings)


@pytest.mark.long
@pytest.mark.parametrize("kind", STORES)
def test_every_session_of_an_event_is_completed(tmp_path, site, kind):
    with deployed(tmp_path, site, EVENTJOB_STORE_URL=store_url(kind, tmp_path)) as up:
        began = time.monotonic()
        batches = submit(up, site, TRACKS)
        check_everything(up, batches)
        took = time.monotonic() - began
        print(f"{sum(batches.values())} sessions of {len(batches)} tracks in {took:.1f} s")


@pytest.mark.parametrize(
    ("count", "most"),
    [
        pytest.param(FEW, JOBS_OF_FEW, id="some tracks"),
        pytest.param(TRACKS, 1000, marks=pytest.mark.long, id="all"),
    ],
)
def test_nothing_is_lost_or_doubled_when_everything_is_killed(tmp_path, site, count, most):
    kills = [service for service in (*SERVICES, "nats-server") for _ in range(KILLS)]
    random.Random(2025).shuffle(kills)
    with deployed(tmp_path, site) as up:
        batches = submit(up, site, count, most)
        for service in kills:
            eventually(f"{service} to be there", 30, lambda s=service: up.kill(s))
            time.sleep(random.Random(service).uniform(0.2, 0.8))  # the next blow, not a wait
        unfinished = not finished(up, batches)
        check_everything(up, batches)
        print(f"killed {len(kills)} processes; work was left at the end: {unfinished}")
