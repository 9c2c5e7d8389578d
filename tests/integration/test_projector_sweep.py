"""The clean-up of blobs: what nobody refers to goes, once it is old enough, and nothing else."""

from datetime import UTC, datetime, timedelta

import pytest
from obstore.store import MemoryStore
from stores import job

from eventjob.artifacts.store import ArtifactMissing, Artifacts
from eventjob.contracts.base import FileRef
from eventjob.projection.sqlite.store import SqliteStore
from eventjob.projection.store import Changes
from services.projector.sweep.orphans import SHORTEST_GRACE, grace_for, sweep

GRACE = timedelta(minutes=30)
LATER = GRACE + timedelta(minutes=1)


class Clock:
    """The real time, moved forward by hand."""

    def __init__(self):
        self.ahead = timedelta()

    def __call__(self):
        return datetime.now(UTC) + self.ahead


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def artifacts(clock):
    return Artifacts(MemoryStore(), clock)


@pytest.fixture
async def store(tmp_path, clock):
    store = SqliteStore(tmp_path / "projection.db", clock)
    yield store
    await store.close()


def with_page(number, sha256, **changes):
    page = FileRef(path="p.md", sha256=sha256, size_bytes=4, media_type="text/markdown")
    return job(number, files=[page], **changes)


@pytest.fixture
async def sha256(store, artifacts):
    """A blob whose only job was deleted."""
    sha256 = await artifacts.put(b"page")
    await store.apply(Changes(jobs=[with_page(1, sha256)], checkpoint=1))
    await store.apply(Changes(deleted_jobs={"job-1"}, after=1, checkpoint=2))
    return sha256


async def is_there(artifacts, sha256):
    try:
        await artifacts.size(sha256)
    except ArtifactMissing:
        return False
    return True


async def test_what_a_deleted_job_leaves_goes_after_the_grace_and_not_before(
    store, artifacts, clock, sha256
):
    assert await sweep(store, artifacts, GRACE, clock) == 0
    assert await is_there(artifacts, sha256)
    clock.ahead = LATER
    assert await sweep(store, artifacts, GRACE, clock) == 1
    assert not await is_there(artifacts, sha256)
    assert await store.orphans(clock() + GRACE, 10) == []


async def test_what_another_job_refers_to_stays(store, artifacts, clock, sha256):
    await store.apply(Changes(jobs=[with_page(3, sha256)], after=2, checkpoint=3))
    clock.ahead = LATER
    assert await sweep(store, artifacts, GRACE, clock) == 0
    assert await is_there(artifacts, sha256)


async def test_what_a_worker_has_just_stored_again_stays_until_it_is_old_too(
    store, artifacts, clock, sha256
):
    clock.ahead = LATER
    just_stored = Artifacts(artifacts._store)  # by its clock, the blob is seconds old
    assert await sweep(store, just_stored, GRACE, clock) == 0
    assert await is_there(artifacts, sha256)
    assert await sweep(store, artifacts, GRACE, clock) == 1


async def test_what_was_removed_before_a_crash_is_forgotten_by_the_next_sweep(
    store, artifacts, clock, sha256
):
    clock.ahead = LATER
    await artifacts.delete(sha256)
    assert await sweep(store, artifacts, GRACE, clock) == 1
    assert await store.orphans(clock() + GRACE, 10) == []


@pytest.mark.parametrize(
    ("minutes", "grace"),
    [(15, SHORTEST_GRACE), (0.1, SHORTEST_GRACE), (60, timedelta(minutes=75))],
)
def test_the_grace_is_longer_than_an_attempt(minutes, grace):
    assert grace_for(timedelta(minutes=minutes)) == grace
