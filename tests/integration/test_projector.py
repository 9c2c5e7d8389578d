"""The projector on a log in memory and a real file: outages, restarts, and what stops it."""

import asyncio
from contextlib import asynccontextmanager

import pytest
from fakes import QuietLog
from recorded_events import Log

from eventjob.bus.errors import Poison, Unavailable
from eventjob.contracts.announcements import ProjectedTo
from eventjob.domain.access import Caller
from eventjob.projection.store import JobQuery, StoreRefused, StoreUnavailable
from services.projector import projector as tested
from services.projector.projector import Projector

WITHIN_S = 30  # a deadline: SecantusDB on a busy machine takes its time
ALL = JobQuery(caller=Caller(None, trusted=True))


@pytest.fixture(autouse=True)
def _impatient(monkeypatch):
    monkeypatch.setattr(tested, "MAX_PAUSE_S", 0.05)
    monkeypatch.setattr(tested, "MIN_PAUSE_S", 0.01)
    monkeypatch.setattr(tested, "ANNOUNCE_EVERY_S", 0.05)
    monkeypatch.setattr(tested, "CHECK_EVERY_S", 0.05)


class Events:
    """A followed log: events appear, and it may be away or hold an event nobody can read."""

    def __init__(self):
        self.log = Log()
        self.away = False
        self.unreadable = None
        self.changed = asyncio.Condition()

    async def add(self, act):
        act(self.log)
        await self.change()

    async def change(self, **values):
        vars(self).update(values)
        async with self.changed:
            self.changed.notify_all()

    async def last_sequence(self):
        if self.away:
            raise Unavailable("no NATS")
        return len(self.log.records)

    async def follow(self, after):
        while True:
            if self.away:
                raise Unavailable("no NATS")
            stretch = self.log.records[after : self.unreadable and self.unreadable - 1]
            if stretch:
                yield stretch
                after = stretch[-1].sequence
            elif self.unreadable is not None:
                raise Poison(f"event {self.unreadable} cannot be read")
            else:
                async with self.changed:
                    await self.changed.wait()


class Faulty:
    """A store that is away, or refuses, as long as ``fault`` says so."""

    def __init__(self, store):
        self._store = store
        self.fault = None

    def __getattr__(self, name):
        if self.fault is not None:
            raise self.fault
        return getattr(self._store, name)


class Said:
    """What was announced, to be waited for."""

    def __init__(self):
        self.last = ProjectedTo(sequence=0)
        self._heard = asyncio.Condition()

    async def announce(self, said):
        async with self._heard:
            self.last = said
            self._heard.notify_all()

    async def until(self, sequence, stopped=None):
        async with asyncio.timeout(WITHIN_S), self._heard:
            await self._heard.wait_for(
                lambda: self.last.sequence == sequence and self.last.stopped == stopped
            )


@asynccontextmanager
async def projecting(events, store, log=None):
    """A projector at work; what it says."""
    said, stop = Said(), asyncio.Event()
    projector = Projector(events, store, said.announce, log or QuietLog())
    task = asyncio.create_task(projector.run(stop))
    try:
        yield said
    finally:
        stop.set()
        async with asyncio.timeout(WITHIN_S):
            await task


def start(log):
    return log.start("j-job-a")


def complete(log):
    return log.complete("j-job-a")


async def status(store):
    return (await store.job("job-a")).status


def levels(log):
    return [(level, event) for level, event, _ in log.lines]


async def test_what_happens_is_shown_and_then_announced(store):
    events = Events()
    async with projecting(events, store) as said:
        await events.add(Log.submit)
        await said.until(1)
        assert await status(store) == "pending"
        await events.add(complete)
        await said.until(2)
        assert await status(store) == "completed"


async def test_it_goes_on_where_another_stopped_however_often(store):
    events = Events()
    await events.add(lambda log: log.batch(300))
    async with projecting(events, store) as said:
        await said.until(4)
    await events.add(lambda log: log.start("b-x", range(1, 301)))
    async with projecting(events, store) as said:
        await said.until(5)
    assert (await store.batch("batch-x")).states == "r" * 300
    assert (await store.list_jobs(ALL)).total == 300
    for first in range(1, 401, 20):
        name = f"batch-{first}"
        await events.add(lambda log, name=name: log.batch(20, name))
        await events.add(lambda log, n=first: log.start(f"b-{n}", range(1, 21)))
        async with projecting(events, store):
            await asyncio.sleep(0)  # stopped wherever it is by then
    async with projecting(events, store) as said:
        await said.until(len(events.log.records))
    page = await store.list_jobs(JobQuery(caller=ALL.caller, status="processing", limit=0))
    assert page.total == 700


async def test_a_large_stretch_is_written_in_parts_each_with_its_checkpoint(store, monkeypatch):
    monkeypatch.setattr(tested, "MAX_DOCUMENTS", 400)
    events = Events()
    await events.add(lambda log: log.batch(1000))
    parts = []

    class Counting(Faulty):
        async def apply(self, changes):
            parts.append((len(changes.jobs), changes.after, changes.checkpoint))
            await self._store.apply(changes)

    async with projecting(events, Counting(store)) as said:
        await said.until(11)
    assert [size for size, _, _ in parts] == [400, 400, 200]
    assert [after for _, after, _ in parts[1:]] == [checkpoint for *_, checkpoint in parts[:-1]]
    assert (await store.list_jobs(ALL)).total == 1000


async def test_what_is_away_loses_nothing_and_is_logged_once(store):
    events, faulty, log = Events(), Faulty(store), QuietLog()
    async with projecting(events, faulty, log) as said:
        await events.add(Log.submit)
        await said.until(1)
        faulty.fault = StoreUnavailable("disk full")
        await said.until(1, "disk full")
        faulty.fault = None
        await said.until(1)  # that it is back is said without a new event
        faulty.fault = StoreUnavailable("disk full")
        await events.add(start)
        await said.until(1, "disk full")
        await events.add(complete)
        faulty.fault = None
        await said.until(3)
        assert await status(store) == "completed"
        stopped_and_resumed = [("warning", "projection.stopped"), ("info", "projection.resumed")]
        assert levels(log) == stopped_and_resumed * 2
        await events.change(away=True)
        await said.until(3, "no NATS")
        await events.add(lambda log: log.submit("job-b"))
        await events.change(away=False)
        await said.until(4)
    assert (await store.job("job-b")).status == "pending"


async def test_what_needs_a_person_stops_it_and_is_an_error(store):
    faulty, log = Faulty(store), QuietLog()
    faulty.fault = StoreRefused("a newer version wrote the file")
    async with projecting(Events(), faulty, log) as said:
        await said.until(0, "a newer version wrote the file")
    assert [level for level, *_ in log.lines] == ["error"]
    events, log = Events(), QuietLog()
    for act in (Log.submit, start, complete):
        await events.add(act)
    events.unreadable = 2
    async with projecting(events, store, log) as said:
        await said.until(1, "event 2 cannot be read")
        assert await status(store) == "pending"
        assert await store.checkpoint() == 1  # it is never skipped
    assert [level for level, *_ in log.lines] == ["error"]
    events.unreadable = None  # a newer version can read it
    async with projecting(events, store) as said:
        await said.until(3)
    async with projecting(Events(), store) as said:  # documents of another log are no start
        await said.until(3, "the documents reflect event 3, the log ends at 0")


@pytest.mark.parametrize("then", ["an event", "nothing"])
async def test_a_file_that_is_deleted_under_it_is_built_anew(store, tmp_path, then):
    events = Events()
    async with projecting(events, store) as said:
        await events.add(Log.submit)
        await said.until(1)
        for file in tmp_path.glob("projection.db*"):
            file.unlink()
        if then == "an event":
            await events.add(start)
            await said.until(2)
        async with asyncio.timeout(WITHIN_S):
            while await store.job("job-a") is None:
                await asyncio.sleep(0)
        assert await status(store) == ("processing" if then == "an event" else "pending")
        assert (await store.job("job-a")).log[0].message == "submitted"


async def test_a_rebuild_that_is_adopted_under_it_is_no_trouble(store):
    events, log = Events(), QuietLog()
    async with projecting(events, store, log) as said:
        await events.add(Log.submit)
        await said.until(1)
        beside = await store.create_generation()
        async with projecting(events, beside) as rebuilt:
            await rebuilt.until(1)
        assert await store.adopt(beside)
        await beside.close()
        await events.add(complete)
        await said.until(2)
    assert await status(store) == "completed"
    assert set(levels(log)) <= {("info", "projection.moved")}
