"""A batch that has lived and was archived, on a real server, with all that reads its events."""

import asyncio
from contextlib import asynccontextmanager

import msgspec
from machine import ZIP, Machine, batch
from rebuilding import reached

from eventjob.artifacts.open_artifacts import open_artifacts
from eventjob.contracts.base import FileRef, JobError
from eventjob.contracts.commands import (
    BuildBatchZip,
    DeleteJob,
    RestartJob,
    SetBatchArchived,
    SubmitJob,
)
from eventjob.contracts.replies import Accepted
from eventjob.contracts.work import (
    ArchiveBuilt,
    BatchPacked,
    FetchSession,
    PackBatch,
    SessionFetched,
    WorkFailed,
)
from eventjob.retired.whole_log import WholeLog
from services.projector.retire.retire import retire_batch

GROUP = "b-x"
BATCH_ZIP = FileRef(path="b.zip", sha256="9" * 64, size_bytes=1, media_type="application/zip")


async def eventfully(task):
    """Every fifth job fails for good, every seventh its first attempt."""
    where = {"group": task.group, "n": task.n, "attempt": task.attempt}
    if isinstance(task, PackBatch):
        return BatchPacked(group=task.group, attempt=task.attempt, zip=BATCH_ZIP, content=0)
    if not isinstance(task, FetchSession):
        return ArchiveBuilt(**where, archive=ZIP)
    if task.n % 5 == 0 or (task.n % 7 == 0 and task.attempt == 1):
        error = JobError(code="http_404", message="not there")
        return WorkFailed(**where, task="fetch", error=error, transient=task.n % 5 != 0)
    files = [FileRef(path="a.md", sha256=f"{task.n:064x}", size_bytes=1, media_type="text/x")]
    return SessionFetched(**where, bundle=f"{task.n:03d}".ljust(64, "b"), files=files)


class Life:
    """A machine with a log that is whole, and batch-x in it, which has nothing to come."""

    def __init__(self, machine, artifacts):
        self.machine = machine
        self.artifacts = artifacts
        self.log = WholeLog(machine.connection, artifacts)

    async def do(self, command, group=GROUP, caller=None):
        return await self.machine.send(command, group, *([] if caller is None else [caller]))

    async def live(self, jobs=30):
        await self.machine.schedule()
        await self.machine.work(eventfully)
        alone = SubmitJob(
            job_id="alone", job=batch("y", 1).jobs[0], owner="ann", access=batch("y", 0).access
        )
        assert isinstance(await self.do(alone, "j-alone"), Accepted)
        for name in ("x", "y"):
            await self.do(batch(f"batch-{name}", jobs), f"b-{name}")
        await self.settled(2)
        await self.do(DeleteJob(job_id="job-x.2"))
        await self.do(RestartJob(job_id="job-x.3"))
        await self.settled(3)
        await self.do(BuildBatchZip(batch_id="batch-x"))
        await self.settled(1, "BatchZipBuilt")
        await self.do(SetBatchArchived(batch_id="batch-x", archived=True))
        self.last = await self.log.last_sequence()

    async def settled(self, count, wanted="BatchCompleted"):
        """Wait until so many events of a type are there."""
        seen = 0
        async with asyncio.timeout(30):
            async for stretch in self.log.follow(0):
                seen += sum(type(record.event).__name__ == wanted for record in stretch)
                if seen >= count:
                    return

    async def all(self):
        """Everything that is in the log now."""
        last = await self.log.last_sequence()
        return [r async for page in self.log.follow(0, last) for r in page]

    async def file(self, store, commands=None):
        """File batch-x as `eventjob retire` does."""
        await reached(store, await self.log.last_sequence())
        return await retire_batch(
            (await store.batches({GROUP}))[GROUP],
            connection=self.machine.connection,
            store=store,
            artifacts=self.artifacts,
            commands=commands or self.machine.commands,
        )

    async def subjects(self):
        """What there is in the log of batch-x, by subject."""
        info = await self.machine.connection.jetstream.stream_info(
            "EVENTS", subjects_filter="ev.*.b-x.>"
        )
        jobs = info.state.subjects or {}
        own = [type(r.event).__name__ for r in await self.machine.events.read(GROUP)]
        return own, jobs


@asynccontextmanager
async def living(url, folder, jobs=30):
    machine = Machine(url)
    artifacts = machine.blobs = open_artifacts((folder / "artifacts").as_uri())
    async with machine:
        life = Life(machine, artifacts)
        await life.live(jobs)
        yield life


def as_before(documents):
    """The documents, but for what says that the batch is filed."""
    jobs, batches = documents
    plain = {
        key: msgspec.structs.replace(batch, sequence=0, exports=[])
        for key, batch in batches.items()
    }
    return jobs, plain
