import io
import zipfile
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from fakes import EventsInMemory
from obstore.store import MemoryStore

from eventjob.artifacts.store import Artifacts, ArtifactsUnavailable
from eventjob.bus.errors import Poison, Unavailable
from eventjob.contracts.base import FileRef
from eventjob.contracts.work import ArchiveBuilt, BuildArchive, Bundle, FetchSession
from eventjob.runtime.logs import get_logger
from services.archiver.handlers import ZipHandler

NOW = datetime(2030, 2, 2, 9, 50, tzinfo=UTC)
MARKDOWN = b"# Why tests fail\n"


@pytest.fixture
def artifacts():
    return Artifacts(MemoryStore())


def handler(artifacts, folder, min_free_bytes=0):
    return ZipHandler(
        artifacts=artifacts,
        events=EventsInMemory([]),
        folder=folder,
        min_free_bytes=min_free_bytes,
        clock=lambda: NOW,
        log=get_logger("archiver"),
    )


def task(bundle, minutes=15):
    deadline = NOW + timedelta(minutes=minutes)
    return BuildArchive(
        job_id="job-1", group="j-1", n=1, attempt=2, deadline=deadline, bundle=bundle
    )


async def stored_bundle(artifacts, path="Conf/Main/talk.md", sha256=None):
    file = FileRef(
        path=path,
        sha256=sha256 or await artifacts.put(MARKDOWN),
        size_bytes=len(MARKDOWN),
        media_type="text/markdown",
    )
    bundle = Bundle(
        title="Why tests fail",
        event="Conf",
        track="Main",
        target_dir="Conf/Main",
        asset_dir="Conf/Main/talk",
        archive_filename="talk.zip",
        markdown_file=path,
        files=[file],
        web_text="",
        structured_data=msgspec.Raw(b"{}"),
    )
    return await artifacts.put(msgspec.json.encode(bundle))


async def test_a_bundle_becomes_a_zip_always_the_same(tmp_path, artifacts):
    bundle = await stored_bundle(artifacts)
    outcome = await handler(artifacts, tmp_path)(task(bundle))
    assert isinstance(outcome, ArchiveBuilt)
    assert (outcome.group, outcome.n, outcome.attempt) == ("j-1", 1, 2)
    content = await artifacts.get(outcome.archive.sha256)
    assert outcome.archive == FileRef(
        path="talk.zip",
        sha256=outcome.archive.sha256,
        size_bytes=len(content),
        media_type="application/zip",
    )
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.read("Conf/Main/talk.md") == MARKDOWN
        assert set(archive.namelist()) == {"Conf/Main/talk.md", "README.md", "manifest.json"}
    assert await handler(artifacts, tmp_path)(task(bundle)) == outcome
    assert list(tmp_path.iterdir()) == []


async def test_a_missing_bundle_or_file_fails_the_attempt(tmp_path, artifacts):
    for bundle in ("0" * 64, await stored_bundle(artifacts, sha256="1" * 64)):
        outcome = await handler(artifacts, tmp_path)(task(bundle))
        assert (outcome.task, outcome.error.code) == ("archive", "archive_failed")
        assert outcome.transient
        assert "there is no artifact" in outcome.error.message
    assert list(tmp_path.iterdir()) == []


async def test_a_bundle_that_is_wrong_fails_for_good(tmp_path, artifacts):
    for bundle in (await artifacts.put(b"{}"), await stored_bundle(artifacts, path="../x.md")):
        outcome = await handler(artifacts, tmp_path)(task(bundle))
        assert (outcome.error.code, outcome.transient) == ("archive_failed", False)


async def test_an_attempt_ends_at_its_deadline(tmp_path, artifacts):
    outcome = await handler(artifacts, tmp_path)(task(await stored_bundle(artifacts), minutes=-1))
    assert (outcome.error.code, outcome.transient) == ("archive_failed", True)
    assert "deadline" in outcome.error.message


async def test_a_store_that_is_away_brings_the_task_back(tmp_path, artifacts):
    class Away(Artifacts):
        async def put(self, *_):
            raise ArtifactsUnavailable("disk full")

        put_file = put

    bundle = await stored_bundle(artifacts)
    with pytest.raises(Unavailable, match="disk full"):
        await handler(Away(artifacts._store), tmp_path)(task(bundle))
    assert list(tmp_path.iterdir()) == []


async def test_a_full_disk_brings_the_task_back(tmp_path, artifacts):
    with pytest.raises(Unavailable, match="left on the disk"):
        await handler(artifacts, tmp_path, min_free_bytes=2**60)(task("0" * 64))


async def test_what_is_no_task_of_ours_is_parked(tmp_path, artifacts):
    other = FetchSession(
        job_id="j", group="j-1", n=1, attempt=1, deadline=NOW, parameters=msgspec.Raw(b"{}")
    )
    with pytest.raises(Poison):
        await handler(artifacts, tmp_path)(other)
