import asyncio
import hashlib
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
import yaml
from fakes_processor import PARAMETERS, Answer, FakeWeb, InlinePool, OpenGate, parameters, until
from obstore.store import MemoryStore
from pages import pdf

from eventjob.artifacts.store import Artifacts, ArtifactsUnavailable
from eventjob.bus.errors import Poison, Unavailable
from eventjob.contracts.work import BuildArchive, Bundle, FetchSession, SessionFetched
from eventjob.fetch.caps import FILE, IMAGE, PAGE
from eventjob.fetch.client import FetchFailed
from eventjob.runtime.logs import get_logger
from services.processor.attachments import Attachments
from services.processor.handlers import SessionHandler
from services.processor.limits import Limits
from services.processor.pool import Broke, TookTooLong
from services.processor.session import Sessions

NOW = datetime(2030, 2, 2, 9, 50, tzinfo=UTC)
LIMITS = Limits(page=PAGE, image=IMAGE, file=FILE, job_bytes=FILE.max_bytes)
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
        pool = options.get("pool") or InlinePool()
        ports = {"fetcher": self.web, "gate": OpenGate(), "limits": LIMITS, "pool": pool}
        attachments = Attachments(**ports, artifacts=self.artifacts)
        sessions = Sessions(
            **ports, attachments=attachments, artifacts=self.artifacts, clock=lambda: NOW
        )
        self.handler = SessionHandler(
            sessions=sessions,
            folder=folder,
            min_free_bytes=options.get("min_free_bytes", 0),
            clock=lambda: NOW,
            log=get_logger("processor"),
        )

    async def run(self, minutes=15, attempt=1, **changes):
        raw = msgspec.Raw(msgspec.json.encode(parameters(**changes)))
        task = FetchSession(
            job_id="job-1",
            group="j-1",
            n=1,
            attempt=attempt,
            deadline=NOW + timedelta(minutes=minutes),
            parameters=raw,
        )
        outcome = await self.handler(task)
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


async def test_a_session_is_stored_with_all_that_belongs_to_it(tmp_path):
    setup = Setup(tmp_path)
    outcome = await setup.run(speakers=["Ada"], day="Sunday", starttime="09:50")
    bundle = await setup.bundle(outcome)
    assert [file.path for file in outcome.files] == [
        "Testconf 2030/Main/why-tests-fail.md",
        "Testconf 2030/Main/why-tests-fail/Slides.pdf",
    ]
    assert bundle.files == outcome.files
    for file in outcome.files:
        content = await setup.artifacts.get(file.sha256)
        assert (len(content), hashlib.sha256(content).hexdigest()) == (file.size_bytes, file.sha256)
    assert bundle.page_texts == ["first slide"]
    assert bundle.attachments_text == "Slides.pdf\n\nfirst slide"
    assert bundle.archive_filename == "why-tests-fail.zip"
    assert "why tests fail" in bundle.web_text
    assert [line.level for line in outcome.log] == ["info"]


async def test_the_front_matter_says_what_is_known_and_whence(tmp_path):
    setup = Setup(tmp_path)
    outcome = await setup.run(speakers=["Ada"], video_url="https://v.example/a.webm")
    front = await setup.front(outcome)
    slides = front.pop("slides")
    assert front == {
        "schema": "event-session/1",
        "event": {"name": "Testconf 2030"},
        "session": {"title": "Why tests fail", "url": URL},
        "speakers": [{"name": "Ada"}],
        "track": "Main",
        "language": "en",
        "videos": [{"url": "https://v.example/a.webm", "type": "video/webm", "role": "recording"}],
        "links": [{"title": "About us", "url": "https://conf.example/about"}],
        "source": {
            "requested_url": URL,
            "final_url": URL,
            "status": 200,
            "etag": '"v1"',
            "last_modified": "Sat, 02 Feb 2030 08:00:00 GMT",
            "sha256": hashlib.sha256(PAGE_HTML).hexdigest(),
            "bytes": len(PAGE_HTML),
            "encoding": "utf-8",
        },
        "extraction": {
            "method": "trafilatura",
            "field_sources": {
                "title": "html",
                "language": "html",
                "speakers": "parameters",
                "track": "parameters",
                "videos": "parameters",
                "slides": "linked",
                "links": "linked",
            },
            "warnings": ["abstract_missing", "start_missing"],
        },
    }
    assert slides[0]["path"] == outcome.files[1].path
    assert slides[0]["sha256"] == outcome.files[1].sha256
    structured = msgspec.json.decode((await setup.bundle(outcome)).structured_data)
    assert structured == front | {"slides": slides}


async def test_the_body_links_to_its_files_as_they_lie_in_the_zip(tmp_path):
    setup = Setup(tmp_path)
    outcome = await setup.run(filename="Why (tests) fail?.md")
    assert outcome.files[1].path == "Testconf 2030/Main/Why (tests) fail/Slides.pdf"
    assert "[Slides](Why%20%28tests%29%20fail/Slides.pdf)" in await setup.markdown(outcome)


async def test_the_same_source_gives_the_same_bytes(tmp_path):
    first, second = await Setup(tmp_path).run(), await Setup(tmp_path).run(attempt=2)
    assert (first.bundle, first.files) == (second.bundle, second.files)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (FetchFailed("http_404", "gone"), "http_404: gone"),
        (Answer(b"<html>login", "application/pdf"), "wrong_type: it is text/html"),
        (Answer(b"x", "text/html"), "wrong_type"),
        (Answer(b"x" * (FILE.max_bytes + 1), "application/pdf"), "too_large"),
        (FetchFailed("postponed", "busy", transient=True), "postponed: busy"),
        ([FetchFailed("http_500", "down", transient=True)] * 2, "http_500: down"),
    ],
)
async def test_an_attachment_that_cannot_be_had_is_a_warning(tmp_path, answer, reason):
    setup = Setup(tmp_path, {SLIDES: answer})
    outcome = await setup.run()
    warnings = (await setup.front(outcome))["extraction"]["warnings"]
    assert warnings[-1].startswith(f"{SLIDES}: {reason}")
    assert [line.message for line in outcome.log if line.level == "warning"] == [warnings[-1]]
    assert len(outcome.files) == 1


async def test_an_attachment_is_tried_again_where_that_may_help(tmp_path):
    down = FetchFailed("http_500", "down", transient=True)
    outcome = await Setup(tmp_path, {SLIDES: [down, SITE[SLIDES]]}).run()
    assert len(outcome.files) == 2


async def test_a_broken_pdf_is_kept_without_its_text(tmp_path):
    setup = Setup(tmp_path, {SLIDES: Answer(b"%PDF-1.4 broken", "application/pdf")})
    outcome = await setup.run()
    assert outcome.files[1].media_type == "application/pdf"
    assert "pdf_unreadable" in (await setup.front(outcome))["extraction"]["warnings"][-1]


async def test_a_file_is_called_what_it_is(tmp_path):
    png = b"\x89PNG\r\n\x1a\n" + bytes(20)
    outcome = await Setup(tmp_path, {SLIDES: Answer(png, "application/pdf")}).run()
    assert (outcome.files[1].path[-10:], outcome.files[1].media_type) == ("Slides.png", "image/png")


async def test_names_of_a_session_never_collide(tmp_path):
    links = "".join(f'<a href="{n}.pdf">slides</a>' for n in range(3))
    answers = {f"{URL}{n}.pdf": Answer(pdf(str(n)), "application/pdf") for n in range(3)}
    page = Answer(f"<main><h1>Why tests fail</h1>{TEXT}{links}</main>".encode())
    outcome = await Setup(tmp_path, {URL: page, **answers}).run()
    names = [file.path.rpartition("/")[2] for file in outcome.files[1:]]
    assert names == ["slides.pdf", "slides-2.pdf", "slides-3.pdf"]


async def test_a_job_fetches_so_much_and_no_more(tmp_path):
    links = "".join(f'<a href="{n}.pdf">x</a>' for n in range(120))
    page = Answer(f"<main><h1>Why tests fail</h1>{TEXT}{links}</main>".encode())
    half = Answer(b"%PDF" + bytes(LIMITS.job_bytes // 2), "application/octet-stream")
    answers = {f"{URL}{n}.pdf": half for n in range(3)}
    setup = Setup(tmp_path, {URL: page, **answers})
    outcome = await setup.run()
    warnings = [line.message for line in outcome.log if line.level == "warning"]
    assert "too_large" in warnings[1]
    assert warnings[-1] == "too_many_files: 120, of which 100 were fetched"
    assert setup.web.caps[f"{URL}1.pdf"].max_bytes < LIMITS.job_bytes // 2
    assert len(setup.web.fetched) == 101


ONCE = {"transient": False, "counted": True, "retry_after_s": 0}


@pytest.mark.parametrize(
    ("answer", "code", "then"),
    [
        (FetchFailed("http_404", "x"), "http_404", ONCE),
        (FetchFailed("disallowed", "x"), "disallowed", ONCE),
        (FetchFailed("blocked_address", "x"), "blocked_address", ONCE),
        (
            FetchFailed("http_429", "x", transient=True, retry_after=timedelta(seconds=90)),
            "http_429",
            {"transient": True, "counted": True, "retry_after_s": 90},
        ),
        (
            FetchFailed("postponed", "x", transient=True, retry_after=timedelta(seconds=75)),
            "postponed",
            {"transient": True, "counted": False, "retry_after_s": 75},
        ),
        (Answer(b"<div id=app></div>"), "thin_content", ONCE),
        (Answer(b"%PDF-1.4", "application/pdf"), "wrong_type", ONCE),
        (Answer(b"%PDF-1.4", "text/html"), "wrong_type", ONCE),
    ],
)
async def test_a_job_fails_with_its_cause(tmp_path, answer, code, then):
    outcome = await Setup(tmp_path, {URL: answer}).run()
    assert (outcome.task, outcome.error.code) == ("fetch", code)
    assert {name: getattr(outcome, name) for name in then} == then
    assert outcome.error.message
    assert outcome.log[0].message == f"{code}: {outcome.error.message}"


@pytest.mark.parametrize(
    ("error", "attempt", "code", "transient"),
    [
        (Broke("ValueError: x"), 1, "extraction_failed", False),
        (TookTooLong("20 s"), 1, "extraction_timeout", True),
        (TookTooLong("20 s"), 2, "extraction_timeout", False),
    ],
)
async def test_a_parser_that_fails_fails_the_job_alone(tmp_path, error, attempt, code, transient):
    class Failing:
        async def run(self, *_):
            raise error

    outcome = await Setup(tmp_path, pool=Failing()).run(attempt=attempt)
    assert (outcome.error.code, outcome.transient) == (code, transient)


async def never():
    await asyncio.Event().wait()


async def test_a_page_that_never_comes_ends_at_the_deadline(tmp_path):
    outcome = await Setup(tmp_path, {URL: never}).run(minutes=0)
    assert (outcome.error.code, outcome.transient) == ("timeout", True)


async def test_an_attachment_that_never_comes_is_given_up_before_the_deadline(tmp_path):
    outcome = await Setup(tmp_path, {SLIDES: never}).run(minutes=61 / 60)
    assert "no time was left" in outcome.log[-1].message


async def test_a_cancelled_task_leaves_nothing_on_disk(tmp_path):
    setup = Setup(tmp_path, {SLIDES: never})
    task = asyncio.create_task(setup.run())
    await until(lambda: SLIDES in setup.web.fetched)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert list(tmp_path.iterdir()) == []


async def test_a_store_that_is_away_brings_the_task_back(tmp_path):
    class Away(Artifacts):
        async def put(self, _):
            raise ArtifactsUnavailable("disk full")

    with pytest.raises(Unavailable, match="disk full"):
        await Setup(tmp_path, artifacts=Away(MemoryStore())).run()
    assert list(tmp_path.iterdir()) == []


async def test_a_full_disk_brings_the_task_back(tmp_path):
    setup = Setup(tmp_path, min_free_bytes=2**60)
    with pytest.raises(Unavailable, match="left on the disk"):
        await setup.run()
    assert setup.web.fetched == []


async def test_what_is_no_task_of_ours_is_parked(tmp_path):
    task = BuildArchive(job_id="j", group="j-1", n=1, attempt=1, deadline=NOW, bundle="0" * 64)
    with pytest.raises(Poison):
        await Setup(tmp_path).handler(task)
