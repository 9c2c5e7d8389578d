"""Everything that decodes: for any bytes, and for right ones with damage, only what it says."""

import asyncio
import gzip
import tempfile
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from builders import BUNDLE
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from recorded_events import Log
from starlette.requests import Request
from tables import table
from test_wire_formats import ANNOUNCEMENTS, COMMANDS, EVENTS, REPORTS, TASKS

from eventjob.bus import subjects
from eventjob.bus.buckets import leases
from eventjob.bus.errors import Poison
from eventjob.bus.log import event_codec
from eventjob.bus.log.raw import StoredMessage
from eventjob.bus.roles import announcements, worker
from eventjob.bus.roles.parking import Parked
from eventjob.bus.wire.pull import Delivery
from eventjob.contracts.announcements import WorkerAlive
from eventjob.contracts.base import UNREADABLE
from eventjob.domain.access import Caller
from eventjob.projection.store import JobQuery, PageStart
from eventjob.retired import export_format
from eventjob.runtime.lifecycle import CannotStart
from services.api.access import keys
from services.api.operations import files
from services.api.request import bodies, query_parameters, read_body, validate
from services.api.response import cursor
from services.api.response.errors import Problem
from services.backup import manifest
from services.parked import display
from services.processor.fetching import http_cache, shared_host
from services.processor.pool import wire
from services.processor.schedule import from_json
from services.scheduler import decide, snapshot_codec
from services.scheduler.memory import Memory

LISTED = JobQuery(caller=Caller("ann"))
KEY = keys.format_key(keys.Key(id="a", user="ann", sha256="0" * 64, rate="5/s")).encode()
EVENT_SUBJECT = subjects.event_subject("j-job-1", 1)


def texts(*tables):
    return [text.encode() for table in tables for _, text in table]


def in_file(read, name):
    """What reads a file, as what reads bytes."""

    def decode(data):
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / name
            file.write_bytes(data)
            read(file)

    return decode


def heard(data):
    """An announcement, as who listens hears it."""

    class Connection:
        async def subscribe(self, _subject, cb):
            await cb(Delivery(0, "say", data, b"", "", 1, 1, 1))

        client = property(lambda self: self)

    async def hear(announcement):
        assert isinstance(announcement, msgspec.Struct)

    asyncio.run(announcements.listen(Connection(), (WorkerAlive,), hear))


def remembered(data):
    class Memory:
        async def read(self, _key):
            return data

    fetcher = http_cache.CachedFetcher(None, Memory(), None, None)
    asyncio.run(fetcher._read_entry("key"))


def leased(data):
    class Message:
        headers = {"Nats-Subject": "$KV.leases.owner.scheduler.07", "Nats-Sequence": "7"}

    Message.data = data
    assert leases._key(Message).revision == 7


def of_body(kind):
    def decode(data):
        validate.validate_body(kind, read_body.decode_body(data, len(data) + 1))

    return decode


def of_query(data):
    scope = {"type": "http", "query_string": data, "headers": []}
    for read in (
        query_parameters.parse_as_of,
        lambda r: query_parameters.parse_job_query(r, LISTED.caller),
    ):
        read(Request(scope))
    query_parameters.parse_batch_query(Request(scope), LISTED.caller)


def parked(data):
    for subject in ("cmd.07", "task.fetch.07.j-x.1.1", "task.a.b.c.d.e", "rep.07"):
        message = Parked(sequence=1, at="", subject=subject, headers={}, data=data)
        display._summarize(message)
    display._format_data(data)


def a_snapshot():
    log, memory = Log(), Memory()
    log.submit("job-b")
    for record in log.records:
        memory.fold(record)
    return snapshot_codec.encode(list(memory._entries.values()), "log", 9)


def an_export():
    event = texts(EVENTS)[0]
    return export_format.encode([StoredMessage(sequence=1, subject=EVENT_SUBJECT, data=event)])


def an_entry():
    entry = http_cache.CacheEntry(
        final_url="https://a/",
        headers={"etag": "x"},
        fresh_until=datetime(2030, 1, 1, tzinfo=UTC),
        sha256="0" * 64,
        size_bytes=1,
        media_type="text/html",
        charset=None,
        body=b"x",
    )
    return msgspec.msgpack.encode(entry)


def a_manifest():
    described = manifest.StreamDescription(config={"a": 1}, state={"last_seq": 7})
    made = manifest.Manifest(
        format=1,
        eventjob="1",
        schema_version=1,
        started_at=datetime(2030, 1, 1, tzinfo=UTC),
        ended_at=datetime(2030, 1, 1, tzinfo=UTC),
        last_sequence=7,
        streams={"EVENTS": described, "PARKED": described},
        files=[manifest.File(path="a", size_bytes=1, sha256=BUNDLE)],
        artifacts=1,
        artifact_bytes=1,
    )
    return msgspec.json.encode(made)


def a_schedule():
    event = {"title": "T", "date": "2030-01-01T10:00:00Z", "url": "https://a/"}
    days = [{"date": "2030-01-01", "rooms": {"R": [event]}}]
    conference = {"title": "C", "time_zone_name": "Europe/Berlin", "days": days}
    return msgspec.json.encode({"schedule": {"conference": conference}})


JOB = b'{"parameters":{"event":"E","session":"S","url":"https://a/b","filename":"f","track":"T"}}'
# name: (what decodes, what it may raise, bytes that are right)
DECODERS = {
    "command": (decide.decode_command, Poison, texts(COMMANDS)),
    "report": (decide.decode_report, Poison, texts(REPORTS)),
    "task": (
        lambda data: worker._decode(Delivery(0, "task", data, b"", "", 1, 1, 1)),
        Poison,
        texts(TASKS),
    ),
    "event": (
        lambda data: event_codec.decode_event(EVENT_SUBJECT, None, data, 1),
        Poison,
        texts(EVENTS),
    ),
    "announcement": (heard, (), texts(ANNOUNCEMENTS)),
    "export": (export_format.decode, Poison, [an_export()]),
    "export, inside": (lambda data: export_format.decode(gzip.compress(data)), Poison, [b"{}"]),
    "snapshot of a partition": (
        lambda data: snapshot_codec.decode(data, "log", 9),
        (),
        [a_snapshot()],
    ),
    "cursor": (
        lambda data: cursor.decode_cursor(data.decode("latin-1"), LISTED),
        ValueError,
        [cursor.encode_cursor(PageStart(1, 2), LISTED).encode()],
    ),
    "file of keys": (in_file(keys.read_keys, "keys"), keys.KeysError, [KEY, KEY + b"\n#\n"]),
    "manifest": (
        in_file(lambda file: manifest.read_manifest(file.parent), manifest.NAME),
        CannotStart,
        [a_manifest()],
    ),
    "lease": (leased, (), [b"member-1"]),
    "entry of the HTTP cache": (remembered, (), [an_entry()]),
    "state of a host": (shared_host._decode, (), [msgspec.json.encode(shared_host.HostState())]),
    "word of a parsing process": (wire.outcome_decoder.decode, UNREADABLE, [b"\x80"]),
    "parked message": (parked, (), texts(COMMANDS, REPORTS, TASKS)),
    "schedule": (from_json.read_json, from_json.Unreadable, [a_schedule()]),
    "body of a job": (of_body(bodies.JobBody), Problem, [JOB]),
    "body of a batch": (of_body(bodies.BatchBody), Problem, [b'{"jobs":[' + JOB + b"]}"]),
    "query": (of_query, Problem, [b"limit=3&sort=created_at&as_of=3", b"cursor=&user_id=ann"]),
    "range": (
        lambda data: files.parse_range(data.decode("latin-1"), 100),
        files.NotSatisfiable,
        [b"bytes=0-9", b"bytes=-5"],
    ),
    "media type": (
        lambda data: read_body.is_json(data.decode("latin-1")),
        (),
        [b"application/json; charset=utf-8"],
    ),
}
NASTY = st.sampled_from(
    [
        *(b"\xff", b"\x00", b"\xed\xa0\x80", b"[" * 9_000, b'{"a":' * 9_000, b'"', b"\\ud800"),
        *(b"null", b"1e999", b"9" * 400, b"-1", b"{}", b"[]", b"true", b"\x91" * 9_000, b"\xc1"),
        *(b"0001-01-01T00:00:00+14:00", b"9999-12-31T23:59:59-14:00", b"\xd4\xff\x00", b"\n", b","),
    ]
)
PIECE = NASTY | st.binary(max_size=8)


@st.composite
def damaged(draw, right):
    """Bytes that were right, cut, or with something else in their place."""
    data = draw(st.sampled_from(right))
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(data)))
        end = start + draw(st.integers(0, 12))
        data = data[:start] + draw(PIECE) + data[end:]
    return data


@pytest.mark.parametrize("name", DECODERS)
def test_what_is_right_is_read(name):
    decode, _, right = DECODERS[name]
    for data in right if name not in {"export, inside", "word of a parsing process"} else ():
        decode(data)


@pytest.mark.parametrize("name", DECODERS)
@settings(suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_damage_is_told_as_documented(name, data):
    decode, expected, right = DECODERS[name]
    sent = data.draw(damaged(right) | st.binary(max_size=60))
    with suppress(*expected) if isinstance(expected, tuple) else suppress(expected):
        decode(sent)


@pytest.mark.parametrize("name", DECODERS)
@table("sent", b"", b"\xff", b"[" * 100_000, b'{"a":' * 100_000, b"\x91" * 99_999)
def test_the_worst(name, sent):
    decode, expected, _ = DECODERS[name]
    with suppress(*expected) if isinstance(expected, tuple) else suppress(expected):
        decode(sent)


@given(st.text())
@example("ev.07.b-x.1.2")
@example("ev..b-.")
def test_any_subject_of_an_event(subject):
    with suppress(Poison):
        event_codec.decode_event(subject, None, texts(EVENTS)[0], 1)
