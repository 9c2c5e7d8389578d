"""A whole conference, one batch per track, with and without everything being killed meanwhile.

The short form runs always; `EVENTJOB_TEST_LONG=1` runs all 1,093 sessions of a real event and kills
each service three times. Where the corpus of real sessions is not on the machine, made-up ones do.
"""

import itertools
import json
import os
import random
import time
from collections import defaultdict
from pathlib import Path

import pytest
from deployment import SERVICES, Up, eventually, without_pauses
from pages import Site
from stores import STORES, store_url
from verify import all_jobs, check_completed, check_counters

CORPUS = Path(__file__).parents[3] / "shared/corpus/fosdem-2025-sessions.json"
LONG = bool(os.environ.get("EVENTJOB_TEST_LONG"))
TRACKS = 200 if LONG else 12
KILLS = 3 if LONG else 1
DONE_WITHIN_S = 900 if LONG else 240
KILLED = (*SERVICES, "nats-server")
OWNER = {"X_User_ID": "docs-team"}


def tracks(site):
    """The sessions by track, their addresses on ``site``."""
    found = defaultdict(list)
    for session in json.loads(CORPUS.read_text()) if CORPUS.exists() else made_up():
        path = session["url"].split("/", 3)[3]
        session["url"] = f"{site.url}/{path}"
        if session.get("attachments_url"):
            session["attachments_url"] = f"{site.url}/{path}slides.pdf"
        found[session["track"]].append({"parameters": session})
    return dict(sorted(found.items())[:TRACKS])


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


def settings(site):
    return {
        **without_pauses(site.port),
        "EVENTJOB_RETRY_BASE_S": "0.2",
        "EVENTJOB_MAX_ATTEMPTS": "20",
    }


def post_batches(up, by_track):
    batches = {}
    for number, (track, jobs) in enumerate(by_track.items()):
        body = {"batch_name": track, "jobs": jobs}
        answer = up.patiently("POST", "/batches", body, **OWNER, Idempotency_Key=f"track-{number}")
        assert answer.status in {201, 202}, answer
        batches[answer.json["batch"]["batch_id"]] = len(jobs)
    return batches


def finished(up, batches):
    listed = up.patiently("GET", "/batches?limit=1000", **OWNER).json["batches"]
    return sum(b["status"] in {"completed", "failed"} for b in listed) == len(batches)


def check_everything(up, batches):
    for batch_id, total in batches.items():
        batch = check_counters(up, batch_id, **OWNER)
        assert (batch["status"], batch["total_jobs"]) == ("completed", total)
        for job in all_jobs(up, batch_id, **OWNER):
            check_completed(up, job, **OWNER)
    answer = up.get("/jobs?limit=0", **OWNER).json
    assert answer["total"] == sum(batches.values())


@pytest.mark.parametrize("kind", STORES)
def test_every_session_of_an_event_is_completed(tmp_path, kind):
    with Site() as site:
        by_track = tracks(site)
        store = {"EVENTJOB_STORE_URL": store_url(kind, tmp_path)}
        with Up(tmp_path, **settings(site), **store) as up:
            began = time.monotonic()
            batches = post_batches(up, by_track)
            eventually("all batches", DONE_WITHIN_S, lambda: finished(up, batches))
            took = time.monotonic() - began
            print(f"{sum(batches.values())} sessions of {len(batches)} tracks in {took:.1f} s")
            check_everything(up, batches)


def test_nothing_is_lost_or_doubled_when_everything_is_killed(tmp_path):
    kills = [service for service in KILLED for _ in range(KILLS)]
    random.Random(2025).shuffle(kills)
    with Site() as site:
        by_track = tracks(site)
        with Up(tmp_path, **settings(site)) as up:
            batches = post_batches(up, by_track)
            for service in kills:
                eventually(f"{service} to be there", 20, lambda s=service: up.kill(s))
                time.sleep(random.Random(service).uniform(0.2, 0.8))  # the next blow, not a wait
            unfinished = not finished(up, batches)
            eventually("all batches", DONE_WITHIN_S, lambda: finished(up, batches))
            print(f"killed {len(kills)} processes; work was left at the end: {unfinished}")
            check_everything(up, batches)
