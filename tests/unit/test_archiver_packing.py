"""A batch's ZIP, built from its events and the bundles that they name."""

import asyncio
import io
import json
import zipfile
from datetime import UTC, datetime, timedelta

import msgspec
from fakes import EventsInMemory
from obstore.store import MemoryStore
from recorded_events import TIMEOUT, Log

from eventjob.artifacts.store import Artifacts
from eventjob.contracts.base import FileRef
from eventjob.contracts.events import JobDeleted, JobFetched, JobsFailed
from eventjob.contracts.work import BatchPacked, Bundle, PackBatch, WorkFailed
from eventjob.domain.names import session_paths
from eventjob.runtime.logs import get_logger
from services.archiver.handlers import ZipHandler

NOW = datetime(2030, 2, 2, 9, 50, tzinfo=UTC)
TASK = PackBatch(group="b-x", attempt=3, deadline=NOW + timedelta(minutes=15))


class Batch:
    """A log and a store, and results in both."""

    def __init__(self, size):
        self.log = Log()
        self.group = self.log.batch(size)
        self.artifacts = Artifacts(MemoryStore())

    async def complete(self, n, filename, *, track="Main", slides=b""):
        paths = session_paths("Conf", track, filename)
        members = {paths.markdown: f"# {filename}\n".encode()}
        if slides:
            members[f"{paths.asset_folder}/slides.pdf"] = slides
        files = [await self.stored(path, content) for path, content in members.items()]
        bundle = Bundle(
            title=filename.capitalize(),
            event="Conf",
            track=track,
            target_dir=paths.folder,
            asset_dir=paths.asset_folder,
            archive_filename=f"{paths.stem}.zip",
            markdown_file=paths.markdown,
            files=files,
            web_text="long text",
            structured_data=msgspec.Raw(b"{}"),
        )
        sha256 = await self.artifacts.put(msgspec.json.encode(bundle))
        self.log.add(
            self.group, n, JobFetched(attempt=1, bundle=sha256, files=files, at=self.log.at)
        )
        self.log.complete(self.group, n)
        return sha256

    async def stored(self, path, content):
        sha256 = await self.artifacts.put(content)
        return FileRef(
            path=path, sha256=sha256, size_bytes=len(content), media_type="text/markdown"
        )

    def handler(self, folder, min_free_bytes=0, events=None):
        return ZipHandler(
            artifacts=self.artifacts,
            events=events or EventsInMemory(self.log.records),
            folder=folder,
            min_free_bytes=min_free_bytes,
            clock=lambda: NOW,
            log=get_logger("archiver"),
        )

    async def members(self, packed):
        with zipfile.ZipFile(io.BytesIO(await self.artifacts.get(packed.zip.sha256))) as archive:
            assert archive.testzip() is None
            return {name: archive.read(name) for name in archive.namelist()}


async def test_the_results_of_a_batch_are_one_tree_with_an_index(tmp_path):
    batch = Batch(4)
    await batch.complete(2, "same", slides=b"two")
    await batch.complete(1, "same", slides=b"one")
    await batch.complete(3, "other", track="Side")
    batch.log.fail(batch.group, 4)
    packed = await batch.handler(tmp_path)(TASK)
    assert isinstance(packed, BatchPacked)
    assert (packed.group, packed.n, packed.attempt) == ("b-x", 0, 3)
    assert packed.content == len(batch.log.records)
    members = await batch.members(packed)
    manifest = json.loads(members.pop("manifest.json"))
    assert manifest["schema"] == "event-session-archive/1"
    assert [file["path"] for file in manifest["files"]] == sorted(members)
    readme = members.pop("README.md").decode()
    assert members == {
        "Conf/Main/same.md": b"# same\n",
        "Conf/Main/same/slides.pdf": b"one",
        "Conf/Main/same-2/same.md": b"# same\n",
        "Conf/Main/same-2/same/slides.pdf": b"two",
        "Conf/Side/other.md": b"# other\n",
    }
    assert readme.startswith(
        "# A batch\n\n## Conf\n\n### Main\n\n- [Same](Conf/Main/same-2/same.md)"
    )
    assert "## Failed\n\n- FOSDEM - Main - Ünïcode: `timeout`" in readme
    assert list(tmp_path.iterdir()) == []


async def test_the_same_results_give_the_same_bytes_under_any_ids_and_in_any_order(tmp_path):
    digests = set()
    for order in ((1, 2), (2, 1)):
        batch = Batch(2)
        for n in order:
            await batch.complete(n, f"talk{n}", slides=b"slides")
        digests.add((await batch.handler(tmp_path)(TASK)).zip.sha256)
        digests.add((await batch.handler(tmp_path)(TASK)).zip.sha256)
    assert len(digests) == 1


async def test_a_deleted_jobs_files_are_not_in_it(tmp_path):
    batch = Batch(2)
    await batch.complete(1, "one")
    await batch.complete(2, "two")
    batch.log.add(batch.group, 1, JobDeleted(job_id="job-x.1", at=NOW))
    packed = await batch.handler(tmp_path)(TASK)
    assert set(await batch.members(packed)) == {"Conf/Main/two.md", "README.md", "manifest.json"}
    assert packed.content == len(batch.log.records)


async def test_what_happens_while_it_reads_counts_as_later(tmp_path):
    """Else a change between two reads might be passed over, and the ZIP be taken for the newest."""
    batch = Batch(2)
    await batch.complete(1, "one")
    until = len(batch.log.records)

    class Moving(EventsInMemory):
        async def last_sequence(self):
            return until

    batch.log.add(batch.group, None, JobsFailed(numbers=[2], error=TIMEOUT, at=NOW))
    packed = await batch.handler(tmp_path, events=Moving(batch.log.records))(TASK)
    assert packed.content == until
    assert b"Failed" not in (await batch.members(packed))["README.md"]


async def test_a_batch_without_results_has_no_zip(tmp_path):
    outcome = await Batch(1).handler(tmp_path)(TASK)
    assert isinstance(outcome, WorkFailed)
    assert (outcome.group, outcome.n, outcome.task) == ("b-x", 0, "archive")
    assert "no job of the batch is completed" in outcome.error.message


async def test_a_bundle_that_is_gone_fails_the_attempt(tmp_path):
    batch = Batch(1)
    await batch.artifacts.delete(await batch.complete(1, "one"))
    outcome = await batch.handler(tmp_path)(TASK)
    assert (outcome.n, outcome.error.code) == (0, "archive_failed")


async def test_a_zip_for_which_there_is_no_room_says_so_and_waits_for_nothing(
    tmp_path, monkeypatch
):
    batch = Batch(1)
    await batch.complete(1, "one", slides=bytes(1000))
    wanted = 2 * (1000 + len("# one\n")) + 500
    handler = batch.handler(tmp_path, min_free_bytes=500)
    free = iter([wanted, wanted - 1, wanted, wanted])

    def usage(_folder):
        return type("Usage", (), {"free": next(free)})

    monkeypatch.setattr("shutil.disk_usage", usage)
    outcome = await handler(TASK)
    assert (outcome.error.code, outcome.transient) == ("archive_failed", True)
    assert outcome.error.message == f"the ZIP needs {wanted} bytes on the disk, which are not free"
    assert isinstance(await handler(TASK), BatchPacked)


async def test_one_is_built_at_a_time(tmp_path):
    batch = Batch(1)
    await batch.complete(1, "one")
    reading, most = 0, 0

    class Slow(EventsInMemory):
        async def last_sequence(self):
            nonlocal reading, most
            reading += 1
            most = max(most, reading)
            for _ in range(10):
                await asyncio.sleep(0)
            reading -= 1
            return await super().last_sequence()

    handler = batch.handler(tmp_path, events=Slow(batch.log.records))
    async with asyncio.timeout(10):
        outcomes = await asyncio.gather(handler(TASK), handler(TASK), handler(TASK))
    assert most == 1
    assert all(isinstance(outcome, BatchPacked) for outcome in outcomes)
