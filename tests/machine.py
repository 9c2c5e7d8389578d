"""A scheduler, workers and a client on one nats-server, in the tests' own process."""

import asyncio
import contextlib
from collections import Counter
from datetime import timedelta

import msgspec
from fakes import MemoryBlobs, QuietLog

from eventjob.bus.log.log import EventLog
from eventjob.bus.roles.commands import CommandSender
from eventjob.bus.roles.worker import Worker
from eventjob.bus.wire.connection import connect
from eventjob.contracts.base import Access, FileRef, JobSpec
from eventjob.contracts.commands import SubmitBatch
from eventjob.contracts.work import ArchiveBuilt, FetchSession, SessionFetched
from eventjob.domain.access import Caller
from eventjob.domain.retry import Policy
from services.scheduler.main import Scheduler

ANN = Caller("ann")
POLICY = Policy(first_pause=timedelta(milliseconds=20))
ZIP = FileRef(path="a.zip", sha256="0" * 64, size_bytes=1, media_type="application/zip")


def spec(name):
    parameters = msgspec.json.encode({"session": name, "url": f"https://talks.example/{name}"})
    return JobSpec(parameters=msgspec.Raw(parameters), host="talks.example", job_name=name)


def batch(batch_id, count):
    jobs = [spec(f"s{n}") for n in range(count)]
    return SubmitBatch(
        batch_id=batch_id, batch_name=batch_id, jobs=jobs, owner="ann", access=Access()
    )


async def instantly(task):
    where = {"group": task.group, "n": task.n, "attempt": task.attempt}
    if isinstance(task, FetchSession):
        return SessionFetched(**where, bundle="b" * 64, files=[])
    return ArchiveBuilt(**where, archive=ZIP)


class Machine:
    """Scheduler, workers and a client on one server, each with a connection of its own."""

    def __init__(self, url, policy=POLICY):
        self.url = url
        self.policy = policy
        self.blobs = MemoryBlobs()
        self.log = QuietLog()
        self.stop = asyncio.Event()
        self.stack = contextlib.AsyncExitStack()

    async def connect(self, name):
        connection = await connect(self.url, name=name)
        self.stack.push_async_callback(connection.close)
        return connection

    async def __aenter__(self):
        self.connection = await self.connect("client")
        self.events = EventLog(self.connection)
        self.commands = await self.stack.enter_async_context(
            CommandSender(self.connection, self.blobs)
        )
        self.tasks = []
        return self

    async def __aexit__(self, *_):
        self.stop.set()
        await asyncio.wait_for(asyncio.gather(*self.tasks), 15)
        await self.stack.aclose()

    async def schedule(self, instance="one"):
        scheduler = Scheduler(
            await self.connect("scheduler"), self.blobs, self.policy, self.log, instance=instance
        )
        task = asyncio.create_task(scheduler.run(self.stop))
        self.tasks.append(task)
        wanted = self.log.events().count("scheduler.ready") + 1
        async with asyncio.timeout(15):
            while self.log.events().count("scheduler.ready") < wanted:
                await asyncio.sleep(0)
        return task

    async def replace(self, scheduler):
        """End this scheduler, and begin with another one."""
        self.tasks.remove(scheduler)
        while not scheduler.done():  # nats-py's `wait_for` can swallow a cancel, in Python 3.11
            scheduler.cancel()
            await asyncio.wait({scheduler}, timeout=0.2)
        return await self.schedule()

    async def work(self, handler=instantly, capacity=50):
        for kind in ("fetch", "archive"):
            worker = Worker(
                await self.connect(kind),
                name=f"{kind}-1",
                kind=kind,
                capacity=capacity,
                handler=handler,
                log=self.log,
            )
            self.tasks.append(asyncio.create_task(worker.run(self.stop)))

    async def send(self, command, group, caller=ANN):
        return await self.commands.send(command, group=group, caller=caller)

    async def until(self, wanted, within_s=20):
        """All events, once one of type ``wanted`` has been seen."""
        seen = []
        async with asyncio.timeout(within_s):
            async for stretch in self.events.follow(0):
                seen += stretch
                if any(type(record.event).__name__ == wanted for record in stretch):
                    return seen
        return seen


def types(records):
    return Counter(type(record.event).__name__ for record in records)
