"""An export that is gone is said, by its name; nothing is taken for empty."""

import asyncio

import pytest
from builders import batch_deleted
from filing import GROUP, living
from rebuilding import built, everything, projecting, reached
from stores import opened

from eventjob.bus.errors import Poison
from eventjob.bus.log.event_codec import NewEvent
from eventjob.bus.subjects import event_subject
from eventjob.runtime import clock
from services.backup.backup import Backup


@pytest.fixture
async def life(nats_server, tmp_path):
    async with living(nats_server.url, tmp_path, jobs=8) as life:
        yield life


@pytest.fixture
async def store(life, tmp_path):
    """Where batch-x is filed already."""
    (tmp_path / "store").mkdir()
    async with opened("sqlite", tmp_path / "store") as store, projecting(life.log, store):
        await life.file(store)
        await reached(store, await life.log.last_sequence())
        yield store


async def backed_up(life, folder):
    """What a backup has, and what it says is lost."""
    folder.mkdir()
    backup = Backup(
        life.machine.connection,
        life.artifacts,
        folder,
        "log",
        stop=asyncio.Event(),
        report=lambda _said: None,
    )
    manifest = await backup.create(clock.now())
    there = {blob.name for blob in folder.glob("blobs/*/*/*")}
    return there, {lost.sha256 for lost in manifest.missing}


async def exports_of(store):
    (export,) = (await store.batches({GROUP}))[GROUP].exports
    return export.sha256


async def test_whoever_reads_is_told_which_export_is_lost(life, store):
    before = await everything(store)
    lost = await exports_of(store)
    await life.artifacts.delete(lost)
    said = f"the exported events of batch-x: .*{lost}"
    for n in (None, 1):
        with pytest.raises(Poison, match=said):
            await life.log.read(GROUP, n)
    with pytest.raises(Poison, match=said):
        [stretch async for stretch in life.log.read_with_jobs(GROUP)]
    with pytest.raises(Poison, match=said):
        await built(life.log, store)
    assert await everything(store) == before


async def test_a_backup_has_the_export_or_says_that_it_is_lost(life, store, tmp_path):
    export = await exports_of(store)
    there, lost = await backed_up(life, tmp_path / "one")
    assert export in there
    assert export not in lost
    assert f"{1:064x}" in lost  # what the exported events name was looked for
    await life.artifacts.delete(export)
    there, lost = await backed_up(life, tmp_path / "two")
    assert export not in there
    assert export in lost


async def test_the_export_of_a_batch_that_is_deleted_is_missed_by_nobody(life, store):
    """The filing may be read before the purge that comes with the deletion."""
    lost = await exports_of(store)
    own = event_subject(GROUP)
    last = await life.log.last_sequence()
    await life.log.append([NewEvent(own, batch_deleted(), last, "", "ann")])
    await life.artifacts.delete(lost)
    await built(life.log, store)
    jobs, batches = await everything(store)
    assert set(batches) == {"batch-y"}
    assert "alone" in jobs
