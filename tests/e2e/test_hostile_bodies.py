"""Bodies that are small as text and huge as objects: refused, and without much memory."""

import time
from pathlib import Path

import pytest

from services.api.request.read_body import COSTS_BYTES, MEMORY_BYTES

MEGABYTE = 1024 * 1024
BODY_BYTES = 30 * MEGABYTE
MOST_BYTES = 300 * MEGABYTE  # beyond what the api begins with; 30 of them are the body as it came
WITHIN_S = 20
# a piece, of which as many as fit are put in a list, and where that list is
PIECES = {
    "empty lists": "[]",
    "small objects of a list": '{"a":[]}',
    "jobs without parameters": '{"parameters":{}}',
    "empty objects": "{}",
    "small objects": '{"a":1}',
    "nested lists": "[[[[[]]]]]",
    "numbers": "1e1",
    "large numbers": "1234567890123456789",
    "short texts": '"ab"',
    "nulls": "null",
}
SHORT = list(PIECES)[:3]
WHERE = {"jobs": ('{"jobs":[', "]}"), "a parameter": ('{"parameters":{"x":[', "]}}")}


def filled(piece, where, *, fits):
    """A list of these: as many as 30 MB are, or fewer, just so many that they have room."""
    item = f"{piece},".encode()
    count = BODY_BYTES // len(item)
    if fits:
        cost = sum(item.count(mark) * cost for mark, cost in COSTS_BYTES.items())
        count = min(count, (MEMORY_BYTES - 1000) // cost)
    before, after = WHERE[where]
    return before.encode() + item * (count - 1) + item[:-1] + after.encode()


def fields(*, fits):
    """An object of as many fields."""
    cost = COSTS_BYTES[b":"] + COSTS_BYTES[b","]
    count = min(BODY_BYTES // 14, (MEMORY_BYTES - 1000) // cost if fits else BODY_BYTES)
    return ("{" + ",".join(f'"{n:09}":1' for n in range(count)) + "}").encode()


def memory(pid, name):
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split(f"{name}:")[1].split()[0]) * 1024


@pytest.fixture
def check(up):
    """What sends a body: the answer comes in time, and the api has not grown by too much."""
    [pid] = up.children()["api"]
    Path(f"/proc/{pid}/clear_refs").write_text("5")  # forget what it had at most
    before = memory(pid, "VmRSS")

    def send(path, body, statuses):
        began = time.monotonic()
        answer = up.post(path, body)
        took_s, grown = time.monotonic() - began, memory(pid, "VmHWM") - before
        print(f"{path}: {answer.status}, {grown / MEGABYTE:.0f} MB, {took_s:.1f} s")
        assert answer.status in statuses
        assert answer.json["error_type"] in {"validation_error", "payload_too_large"}
        assert grown < MOST_BYTES
        assert took_s < WITHIN_S

    return send


def test_a_body_costs_no_more_than_a_few_times_its_size(check):
    check_pieces(check, SHORT)
    for fits in (False, True):
        check("/jobs", fields(fits=fits), {400} if fits else {413})


@pytest.mark.long
def test_nor_does_any_other(check):
    check_pieces(check, [name for name in PIECES if name not in SHORT])


def check_pieces(check, names):
    for name in names:
        for where in WHERE:
            check("/batches", filled(PIECES[name], where, fits=False), {400, 413})
            path = "/batches" if where == "jobs" else "/jobs"
            check(path, filled(PIECES[name], where, fits=True), {400})
