"""The subscriber of docs/deploy.md, run as written, reads what happens."""

import os
import subprocess
import sys
from contextlib import contextmanager

from deployment import Up, eventually
from documents import only

from services.up.nats_server import prepared

ANN = {"X_User_ID": "ann"}
CODE = r"```python\n(import asyncio, json, os, nats\n.*?)```"
JOB = {
    "parameters": {
        "event": "E",
        "session": "S",
        "url": "http://127.0.0.1:9/closed",
        "filename": "f.md",
        "track": "T",
    }
}


@contextmanager
def subscriber(up, folder, printed):
    code = only(CODE)
    bus = prepared(up.folder / "data" / "nats").settings("subscriber")
    password = folder / "password"
    password.write_text(bus["EVENTJOB_NATS_PASSWORD"])
    environ = {**os.environ, "NATS_URL": bus["EVENTJOB_NATS_URL"]}
    environ["NATS_PASSWORD_FILE"] = str(password)
    with printed.open("ab") as out:
        process = subprocess.Popen(
            [sys.executable, "-c", code], env=environ, stdout=out, stderr=out
        )
    try:
        yield
    finally:
        process.kill()
        process.wait()


def told(printed):
    return [line.split() for line in printed.read_text().splitlines()]


def test_a_subscriber_reads_every_event_also_those_of_its_absence(tmp_path):
    printed = tmp_path / "printed"
    with Up(tmp_path, EVENTJOB_MAX_ATTEMPTS="1") as up:
        for name in ("one", "two"):
            body = {"batch_id": name, "jobs": [JOB] * 2}
            assert up.post("/batches", body, **ANN).status == 201  # nobody listens
            with subscriber(up, tmp_path, printed):
                eventually(
                    "the end of the batch",
                    30,
                    lambda name=name: any(
                        subject.endswith(f".b-{name}") and kind == "BatchCompleted"
                        for _, subject, kind in told(printed)
                    ),
                )
    sequences = [int(sequence) for sequence, _, _ in told(printed)]
    assert sorted(set(sequences)) == list(range(1, max(sequences) + 1))


def test_a_subscriber_that_waits_hears_of_each_event_when_it_happens(tmp_path):
    """And keeps none until there are more, for which the server would send it again."""
    printed = tmp_path / "printed"
    with Up(tmp_path, EVENTJOB_MAX_ATTEMPTS="1") as up, subscriber(up, tmp_path, printed):
        assert up.post("/batches", {"batch_id": "first", "jobs": [JOB]}, **ANN).status == 201
        eventually("the first event", 30, lambda: told(printed))
        assert up.post("/batches", {"batch_id": "later", "jobs": [JOB]}, **ANN).status == 201
        later = [".b-later BatchSubmitted", ".b-later BatchCompleted"]
        eventually("its events", 20, lambda: all(text in printed.read_text() for text in later))
    sequences = [sequence for sequence, _, _ in told(printed)]
    assert len(sequences) == len(set(sequences))
