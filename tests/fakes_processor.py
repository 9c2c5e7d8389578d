"""What stands in for the web, for other processes and for the pool in tests of the processor."""

import asyncio
import hashlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import msgspec
import yaml
from obstore.store import MemoryStore
from pages import pdf

from eventjob.artifacts.store import Artifacts
from eventjob.bus.buckets.hosts import Entry
from eventjob.contracts.parameters import Parameters
from eventjob.contracts.work import Bundle, FetchSession, SessionFetched
from eventjob.fetch.caps import FILE, IMAGE, PAGE
from eventjob.fetch.client import FetchFailed, FetchResult
from eventjob.runtime.logs import get_logger
from services.processor.files.attachments import Attachments
from services.processor.files.limits import Limits
from services.processor.handlers import SessionHandler
from services.processor.pool import wire
from services.processor.pool.pool import TaskFailed
from services.processor.schedule.schedules import Schedules
from services.processor.session import SessionBuilder

WITHIN_S = 10.0
PARAMETERS = Parameters(
    event="Testconf 2030",
    session="Why tests fail",
    url="https://conf.example/talks/why-tests-fail/",
    filename="why-tests-fail.md",
    track="Main",
)


class Answer(msgspec.Struct, frozen=True):
    """What a fake web has at an address."""

    body: bytes = b""
    media_type: str = "text/html"
    charset: str | None = "utf-8"
    headers: dict[str, str] = {}
    final_url: str | None = None
    is_artifact: bool = False


class FakeWeb:
    """Fetches from a table; a list in it is used up in turn, and a function is called."""

    def __init__(self, answers: dict[str, object]) -> None:
        self.answers = answers
        self.fetched: list[str] = []
        self.caps: dict[str, object] = {}
        self.reuse: dict[str, str] = {}

    async def fetch(self, url, *, caps, gate, directory, accept=None, reuse="fresh"):
        await gate.before_request(url)
        self.fetched.append(url)
        self.caps[url] = caps
        self.reuse[url] = reuse
        answer = self.answers.get(url, FetchFailed("http_404", "it answered 404"))
        if isinstance(answer, list):
            answer = answer.pop(0)
        if isinstance(answer, Callable):
            answer = await answer()
        code = "http_200" if isinstance(answer, Answer) else answer.code
        await gate.after_request(url, int(code[5:]) if code.startswith("http_") else 0, {})
        if isinstance(answer, FetchFailed):
            raise answer
        return self._received(url, answer, caps, directory, accept)

    def _received(self, url, answer, caps, directory, accept):
        if accept is not None and not accept(answer.media_type):
            raise FetchFailed("wrong_type", f"it sent {answer.media_type!r}")
        if len(answer.body) > caps.max_bytes:
            raise FetchFailed("too_large", f"it sent more than {caps.max_bytes} bytes")
        path = Path(directory) / f"fake-{uuid4()}"
        path.write_bytes(answer.body)
        return FetchResult(
            requested_url=url,
            final_url=answer.final_url or url,
            status=200,
            headers=answer.headers,
            path=path,
            size_bytes=len(answer.body),
            sha256=hashlib.sha256(answer.body).hexdigest(),
            media_type=answer.media_type,
            charset=answer.charset,
            is_artifact=answer.is_artifact,
        )


class OpenGate:
    """Lets everything through, and remembers it."""

    def __init__(self) -> None:
        self.passed: list[str] = []

    async def before_request(self, url: str) -> None:
        self.passed.append(url)

    async def on_connected(self, url) -> None:
        pass

    async def after_request(self, url, status, headers) -> None:
        pass


class InlinePool:
    """Runs tasks where it stands; what they raise becomes what a real pool makes of it.

    Arguments travel as they do to a real one.
    """

    async def run(self, function, *args):
        sent = wire.decode_arguments(function, msgspec.Raw(wire.encode(args)))
        try:
            return function(*sent)
        except Exception as error:
            raise TaskFailed(repr(error)) from error


class FakeHosts:
    """The shared bucket, in memory."""

    def __init__(self) -> None:
        self.entries: dict[str, Entry] = {}
        self.swaps = 0
        self._changed = asyncio.Event()

    def now(self) -> float:
        return 1_000_000.0 + asyncio.get_running_loop().time()

    async def read(self, host: str) -> Entry:
        return self.entries.get(host, Entry(b"", 0))

    async def compare_and_set(self, host: str, value: bytes, revision: int) -> int | None:
        if (await self.read(host)).revision != revision:
            return None
        self.swaps += 1
        self.entries[host] = Entry(value, revision + 1)
        self._changed.set()
        self._changed = asyncio.Event()
        return revision + 1

    async def wait_for_change(self, _: str, within_s: float) -> None:
        try:
            async with asyncio.timeout(within_s):
                await self._changed.wait()
        except TimeoutError:
            return


def parameters(**changes: object) -> Parameters:
    """A job's parameters, but for ``changes``."""
    return msgspec.structs.replace(PARAMETERS, **changes)


async def until(condition: Callable[[], object]) -> None:
    """Let the others run until ``condition`` holds."""
    async with asyncio.timeout(WITHIN_S):
        while not condition():
            await asyncio.sleep(0.005)


async def never():
    await asyncio.Event().wait()


NOW = datetime(2030, 2, 2, 9, 50, tzinfo=UTC)
LIMITS = Limits(page=PAGE, image=IMAGE, file=FILE, schedule=PAGE, job_bytes=FILE.max_bytes)
URL = PARAMETERS.url
SLIDES = f"{URL}slides.pdf"
TEXT = "<p>" + "This talk explains why tests fail and what to do about that. " * 8 + "</p>"
PAGE_HTML = f"""<html lang="en"><main><h1>Why tests fail</h1>{TEXT}
<a href="slides.pdf">Slides</a> <a href="/about">About us</a></main>""".encode()
SITE = {
    URL: Answer(
        PAGE_HTML, headers={"etag": '"v1"', "last-modified": "Sat, 02 Feb 2030 08:00:00 GMT"}
    ),
    SLIDES: Answer(pdf("first slide"), "application/pdf"),
}


class Setup:
    """A handler over a fake web and a real artifact store."""

    def __init__(self, folder, answers=None, **options):
        self.web = FakeWeb(dict(SITE) | (answers or {}))
        self.artifacts = options.get("artifacts") or Artifacts(MemoryStore())
        self.folder = folder
        self.seconds = 0.0  # on the clock of the schedules
        pool = options.get("pool") or InlinePool()
        ports = {"gate": OpenGate(), "limits": LIMITS, "pool": pool}
        attachments = Attachments(**ports, artifacts=self.artifacts)
        schedules = Schedules(
            fetcher=self.web,
            gate=ports["gate"],
            pool=pool,
            folder=folder,
            caps=PAGE,
            clock=lambda: self.seconds,
        )
        sessions = SessionBuilder(
            **ports,
            fetcher=self.web,
            schedules=schedules,
            attachments=attachments,
            artifacts=self.artifacts,
            clock=lambda: NOW,
        )
        self.handler = SessionHandler(
            sessions=sessions,
            folder=folder,
            min_free_bytes=options.get("min_free_bytes", 0),
            clock=lambda: NOW,
            log=get_logger("processor"),
        )

    def task(self, minutes=15, attempt=1, **changes):
        return FetchSession(
            job_id="job-1",
            group="j-1",
            n=1,
            attempt=attempt,
            deadline=NOW + timedelta(minutes=minutes),
            parameters=msgspec.Raw(msgspec.json.encode(parameters(**changes))),
        )

    async def run(self, minutes=15, attempt=1, **changes):
        outcome = await self.handler(self.task(minutes, attempt, **changes))
        assert (outcome.group, outcome.n, outcome.attempt) == ("j-1", 1, attempt)
        assert list(self.folder.iterdir()) == [], "nothing is left on disk"
        return outcome

    async def bundle(self, outcome):
        assert isinstance(outcome, SessionFetched), outcome
        return msgspec.json.decode(await self.artifacts.get(outcome.bundle), type=Bundle)

    async def markdown(self, outcome):
        return (await self.artifacts.get(outcome.files[0].sha256)).decode()

    async def front(self, outcome):
        return yaml.safe_load((await self.markdown(outcome)).split("---\n")[1])
