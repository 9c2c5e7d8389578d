"""Both sweeps of blobs: what nothing names goes, once it is old enough, and nothing else."""

import hashlib
from datetime import timedelta

import msgspec
import pytest
from obstore.store import LocalStore
from stores import job

from eventjob.artifacts.store import ArtifactMissing, Artifacts, OldBlob
from eventjob.bus import subjects
from eventjob.bus.buckets import http_cache
from eventjob.bus.wire.publish import Outgoing, publish
from eventjob.contracts.base import FileRef
from eventjob.contracts.commands import StoredCommand
from eventjob.projection.sqlite.store import SqliteStore
from eventjob.projection.store import Changes
from services.projector.sweep import all_blobs
from services.projector.sweep.all_blobs import (
    ProjectionBehind,
    find_referenced_elsewhere,
    sweep_all,
)
from services.projector.sweep.orphans import MIN_GRACE, grace_for, sweep_orphans

GRACE = timedelta(minutes=30)
LATER = GRACE + timedelta(minutes=1)
NO_TIME = timedelta()


@pytest.fixture
def folder(tmp_path):
    return LocalStore(tmp_path / "artifacts", mkdir=True)


@pytest.fixture
def artifacts(folder, clock):
    return Artifacts(folder, clock)


@pytest.fixture
async def store(tmp_path, clock):
    store = SqliteStore(tmp_path / "projection.db", clock)
    yield store
    await store.close()


def with_page(number, sha256):
    page = FileRef(path="p.md", sha256=sha256, size_bytes=4, media_type="text/markdown")
    return job(number, files=[page])


async def is_there(artifacts, sha256):
    try:
        await artifacts.size(sha256)
    except ArtifactMissing:
        return False
    return True


async def test_a_blob_that_no_event_ever_named_goes_after_the_grace_and_not_before(
    store, artifacts, clock
):
    named, unnamed = await artifacts.put(b"page"), await artifacts.put(b"of a late attempt")
    await store.apply(Changes(jobs=[with_page(1, named)], checkpoint=1))
    swept = await sweep_all(store, artifacts, GRACE, set())
    assert (swept.seen, swept.removed) == (0, 0)
    clock.ahead = 2 * GRACE
    counted = await sweep_all(store, artifacts, GRACE, set(), dry_run=True)
    assert (counted.seen, counted.removed, counted.removed_bytes) == (2, 1, 17)
    assert await is_there(artifacts, unnamed)
    assert await sweep_all(store, artifacts, GRACE, set()) == counted
    assert not await is_there(artifacts, unnamed)
    assert await is_there(artifacts, named)


async def test_what_is_named_elsewhere_stays(store, artifacts, clock):
    sha256 = await artifacts.put(b"a large request")
    clock.ahead = 2 * GRACE
    assert (await sweep_all(store, artifacts, GRACE, {sha256})).removed == 0
    assert await is_there(artifacts, sha256)


async def test_a_blob_that_a_job_uses_again_during_the_sweep_stays(store, artifacts, clock, folder):
    """Listed as old, stored again by a worker, and only then come to."""
    sha256 = await artifacts.put(b"page")
    clock.ahead = 2 * GRACE
    now = Artifacts(folder)  # of a worker, by whose clock the blob is seconds old

    class Slow:
        """A sweep's view of the store, a moment ago."""

        delete = artifacts.delete
        is_older = now.is_older
        size = artifacts.size

        async def list_older(self, _age):
            yield [OldBlob(sha256, 4)]

    assert (await sweep_all(store, Slow(), GRACE, set())).removed == 0
    assert await is_there(artifacts, sha256)


async def test_many_blobs_are_looked_at_in_stretches(store, artifacts, clock, monkeypatch):
    monkeypatch.setattr("eventjob.artifacts.store.LIST_PAGE", 10)
    shas = await artifacts.put_all(*(f"{number}".encode() for number in range(45)))
    await store.apply(Changes(jobs=[with_page(1, shas[0])], checkpoint=1))
    clock.ahead = 2 * GRACE
    asked = []

    class Counting:
        async def unreferenced(self, some):
            asked.append(len(some))
            return await store.unreferenced(some)

    swept = await sweep_all(Counting(), artifacts, GRACE, set())
    assert (swept.seen, swept.removed) == (45, 44)
    assert sum(asked) == 45
    assert max(asked) <= 10


async def test_the_cache_and_parked_messages_name_blobs(log, store, connection):
    shas = [hashlib.sha256(text).hexdigest() for text in (b"cached", b"parked")]
    cache = await http_cache.open_http_cache(connection)
    await cache.write("k", msgspec.msgpack.encode({"sha256": shas[0], "body": None}))
    parked = msgspec.json.encode(StoredCommand(sha256=shas[1]))
    await publish(connection, [Outgoing("parked.cmd.03", parked)])
    assert await log.last_sequence() == 0
    assert await find_referenced_elsewhere(connection, store, NO_TIME) == set(shas)


async def test_nothing_is_said_while_a_command_waits(log, store, connection):
    command = msgspec.json.encode(StoredCommand(sha256="a" * 64))
    await publish(connection, [Outgoing(subjects.command_subject("03"), command)])
    assert await log.last_sequence() == 0
    with pytest.raises(ProjectionBehind, match="the scheduler is behind"):
        await find_referenced_elsewhere(connection, store, NO_TIME)


async def test_nothing_is_said_while_the_documents_are_behind(log, store, connection, monkeypatch):
    monkeypatch.setattr(all_blobs, "CHECK_EVERY_S", 0.01)
    await publish(connection, [Outgoing(subjects.event_subject("b-x"), b"{}")])
    with pytest.raises(ProjectionBehind, match="the projector is behind"):
        await find_referenced_elsewhere(connection, store, timedelta(seconds=0.1))
    await store.apply(Changes(checkpoint=await log.last_sequence()))
    assert await find_referenced_elsewhere(connection, store, NO_TIME) == set()


@pytest.fixture
async def sha256(store, artifacts):
    """A blob whose only job was deleted."""
    sha256 = await artifacts.put(b"page")
    await store.apply(Changes(jobs=[with_page(1, sha256)], checkpoint=1))
    await store.apply(Changes(deleted_jobs={"job-1"}, after=1, checkpoint=2))
    return sha256


async def test_what_a_deleted_job_leaves_goes_after_the_grace_and_not_before(
    store, artifacts, clock, sha256
):
    assert await sweep_orphans(store, artifacts, GRACE, clock) == 0
    assert await is_there(artifacts, sha256)
    clock.ahead = LATER
    assert await sweep_orphans(store, artifacts, GRACE, clock) == 1
    assert not await is_there(artifacts, sha256)
    assert await store.orphans(clock() + GRACE, 10) == []


async def test_what_another_job_refers_to_stays(store, artifacts, clock, sha256):
    await store.apply(Changes(jobs=[with_page(3, sha256)], after=2, checkpoint=3))
    clock.ahead = LATER
    assert await sweep_orphans(store, artifacts, GRACE, clock) == 0
    assert await is_there(artifacts, sha256)


async def test_what_a_worker_has_just_stored_again_stays_until_it_is_old_too(
    store, artifacts, clock, sha256
):
    clock.ahead = LATER
    just_stored = Artifacts(artifacts._store)  # by its clock, the blob is seconds old
    assert await sweep_orphans(store, just_stored, GRACE, clock) == 0
    assert await is_there(artifacts, sha256)
    await artifacts.delete(sha256)  # it was removed before a crash: the next sweep forgets it
    assert await sweep_orphans(store, artifacts, GRACE, clock) == 1
    assert await store.orphans(clock() + GRACE, 10) == []


@pytest.mark.parametrize(
    ("minutes", "grace"),
    [(15, MIN_GRACE), (0.1, MIN_GRACE), (60, timedelta(minutes=75))],
)
def test_the_grace_is_longer_than_an_attempt(minutes, grace):
    assert grace_for(timedelta(minutes=minutes)) == grace
