import asyncio
import hashlib
from datetime import timedelta

import msgspec
import pytest
from fakes_processor import NOW, PAGE_HTML, SITE, SLIDES, URL, Answer, Setup, never, until
from obstore.store import MemoryStore
from tables import table

from eventjob.artifacts.store import Artifacts, ArtifactsUnavailable
from eventjob.bus.errors import Poison, Unavailable
from eventjob.contracts.work import BuildArchive, SessionFetched
from eventjob.fetch.client import FetchFailed
from services.processor.pool.pool import TaskFailed, TaskTimeout


async def test_a_session_is_stored_with_all_that_belongs_to_it(tmp_path):
    setup = Setup(tmp_path)
    outcome = await setup.run(speakers=["Ada"], day="Sunday", starttime="09:50")
    bundle = await setup.bundle(outcome)
    assert [file.path for file in outcome.files] == [
        "Testconf 2030/Main/why-tests-fail.md",
        "Testconf 2030/Main/why-tests-fail/Slides.pdf",
        "Testconf 2030/Main/why-tests-fail/Slides/page-001.jpg",
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


async def test_what_it_was_made_of_is_named_but_for_its_files(tmp_path):
    stored = {
        url: msgspec.structs.replace(answer, is_artifact=True) for url, answer in SITE.items()
    }
    outcome = await Setup(tmp_path, stored).run()
    assert outcome.sources == [hashlib.sha256(PAGE_HTML).hexdigest()]
    assert (await Setup(tmp_path).run()).sources == []


@pytest.mark.parametrize(("use_cache", "reuse"), [(True, "fresh"), (False, "never")])
async def test_all_of_a_session_is_fetched_as_its_job_wants_it(tmp_path, use_cache, reuse):
    setup = Setup(tmp_path)
    await setup.run(use_cache=use_cache)
    assert setup.web.reuse == {URL: reuse, SLIDES: reuse}


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


ONCE = {"transient": False, "counted": True, "retry_after_s": 0}


@table(
    "answer, code, then",
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
)
async def test_a_job_fails_with_its_cause(tmp_path, answer, code, then):
    outcome = await Setup(tmp_path, {URL: answer}).run()
    assert (outcome.task, outcome.error.code) == ("fetch", code)
    assert {name: getattr(outcome, name) for name in then} == then
    assert outcome.error.message
    assert outcome.log[0].message == f"{code}: {outcome.error.message}"


@table(
    "error, attempt, code, transient",
    (TaskFailed("ValueError: x"), 1, "extraction_failed", False),
    (TaskTimeout("20 s"), 1, "extraction_timeout", True),
    (TaskTimeout("20 s"), 2, "extraction_timeout", False),
)
async def test_a_parser_that_fails_fails_the_job_alone(tmp_path, error, attempt, code, transient):
    class Failing:
        async def run(self, *_):
            raise error

    outcome = await Setup(tmp_path, pool=Failing()).run(attempt=attempt)
    assert (outcome.error.code, outcome.transient) == (code, transient)


async def test_a_page_that_never_comes_ends_at_the_deadline(tmp_path):
    outcome = await Setup(tmp_path, {URL: never}).run(minutes=0)
    assert (outcome.error.code, outcome.transient) == ("timeout", True)


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


async def test_what_a_client_sent_beyond_the_parameters_harms_nobody(tmp_path):
    outcome = await Setup(tmp_path).run(extra={"n": 10**400, "float": 1e300, "text": "\x00"})
    assert isinstance(outcome, SessionFetched)


async def test_a_full_disk_brings_the_task_back(tmp_path):
    setup = Setup(tmp_path, min_free_bytes=2**60)
    with pytest.raises(Unavailable, match="left on the disk"):
        await setup.run()
    assert setup.web.fetched == []


async def test_what_is_no_task_of_ours_is_parked(tmp_path):
    task = BuildArchive(job_id="j", group="j-1", n=1, attempt=1, deadline=NOW, bundle="0" * 64)
    with pytest.raises(Poison):
        await Setup(tmp_path).handler(task)
