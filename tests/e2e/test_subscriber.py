"""The subscriber of docs/deploy.md, run as written, reads what happens."""

import os
import subprocess
import sys
from contextlib import contextmanager

from deployment import CLOSED, Up, eventually
from documents import only

from services.up.nats_server import read_server

CODE = r"```python\n(import asyncio, json, os, nats\n.*?)```"


@contextmanager
def subscriber(up, folder, printed):
    code = only(CODE)
    bus = read_server(up.data / "nats").settings("subscriber")
    password = folder / "password"
    password.write_text(bus["EVENTJOB_NATS_PASSWORD"])
    environ = {**os.environ, "NATS_URL": bus["EVENTJOB_NATS_URL"]}
    environ["NATS_PASSWORD_FILE"] = str(password)
    command = [sys.executable, "-c", code]
    with printed.open("ab") as out:
        process = subprocess.Popen(command, env=environ, stdout=out, stderr=out)
    try:
        yield
    finally:
        process.kill()
        process.wait()


def test_a_subscriber_reads_every_event_when_it_happens_also_those_of_its_absence(tmp_path):
    printed = tmp_path / "printed"

    def sequences():
        return [int(line.split()[0]) for line in printed.read_text().splitlines()]

    def submit(up, name):
        up.submit(name, [CLOSED] * 2)

    def hear_of(*names):
        wanted = [f".b-{name} {kind}" for name in names for kind in ("BatchSubmitted", "BatchComp")]
        eventually("events", 60, lambda: all(text in printed.read_text() for text in wanted))

    with Up(tmp_path, EVENTJOB_MAX_ATTEMPTS="1") as up:
        submit(up, "one")  # nobody listens
        with subscriber(up, tmp_path, printed):
            hear_of("one")
            submit(up, "two")
            hear_of("one", "two")
            assert len(sequences()) == len(set(sequences()))  # it keeps none until there are more
        submit(up, "three")
        with subscriber(up, tmp_path, printed):
            hear_of("three")
    assert sorted(set(sequences())) == list(range(1, max(sequences()) + 1))
