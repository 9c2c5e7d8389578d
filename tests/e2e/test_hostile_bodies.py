"""Bodies that are small as text and huge as objects: refused, and without much memory."""

import time
from pathlib import Path

import pytest
from deployment import Up

from services.api.request.read_body import COSTS_BYTES, MEMORY_BYTES

MEGABYTE = 1024 * 1024
BODY_BYTES = 30 * MEGABYTE
MOST_BYTES = 300 * MEGABYTE  # beyond what the api begins with; 30 of them are the body as it came
WITHIN_S = 20
# a piece, of which as many as fit are put in a list, and where that list is
PIECES = {
    "empty lists": "[]",
    "empty objects": "{}",
    "small objects": '{"a":1}',
    "small objects of a list": '{"a":[]}',
    "nested lists": "[[[[[]]]]]",
    "numbers": "1e1",
    "large numbers": "1234567890123456789",
    "short texts": '"ab"',
    "jobs without parameters": '{"parameters":{}}',
    "nulls": "null",
}


WHERE = {
    "jobs": ('{"jobs":[', "]}"),
    "a parameter": ('{"parameters":{"x":[', "]}}"),
}


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


@pytest.fixture(scope="module")
def up(tmp_path_factory):
    with Up(tmp_path_factory.mktemp("bodies"), EVENTJOB_PROCESSORS="1") as up:
        yield up


@pytest.fixture(scope="module")
def grown(up):
    """What tells by how much the api has grown since the start, at most."""
    [pid] = up.children()["api"]
    before = memory(pid, "VmRSS")
    return lambda: memory(pid, "VmHWM") - before


def check(up, grown, path, body, statuses):
    """Send it; the answer comes in time, and the api has not grown by too much."""
    began = time.monotonic()
    answer = up.post(path, body)
    took_s = time.monotonic() - began
    print(f"{path}: {answer.status}, {grown() / MEGABYTE:.0f} MB, {took_s:.1f} s")
    assert answer.status in statuses
    assert answer.json["error_type"] in {"validation_error", "payload_too_large"}
    assert grown() < MOST_BYTES
    assert took_s < WITHIN_S


@pytest.mark.parametrize("where", WHERE)
@pytest.mark.parametrize("name", PIECES)
def test_a_body_costs_no_more_than_a_few_times_its_size(up, grown, name, where):
    check(up, grown, "/batches", filled(PIECES[name], where, fits=False), {400, 413})
    path = "/batches" if where == "jobs" else "/jobs"
    check(up, grown, path, filled(PIECES[name], where, fits=True), {400})


def test_nor_do_many_fields(up, grown):
    for fits in (False, True):
        check(up, grown, "/jobs", fields(fits=fits), {400} if fits else {413})
