"""What a newcomer sees: bars, live lines, outcomes."""

import io
from datetime import UTC, datetime, timedelta

import pytest
from tables import table

from demo import DemoFailed
from demo.client import Job, JobError, Parameters, Progress, Results
from demo.outcome import find_surprises, format_markdown_head, format_outcome
from demo.programme import PlannedJob
from demo.screen import Screen, format_bar, shorten
from demo.watch import format_progress, watch

NOON = datetime(2026, 6, 12, 12, tzinfo=UTC)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def job(status: str = "completed", session: str = "A Talk", **fields) -> Job:
    return Job(
        job_id=f"job-{session}",
        status=status,
        parameters=Parameters(session=session, url=f"http://site/{session}"),
        created_at=NOON,
        updated_at=NOON + timedelta(seconds=9),
        **fields,
    )


def test_no_terminal_gets_a_line_for_each_change_and_no_escape_codes():
    out = io.StringIO()
    screen = Screen(out)
    for text in ("one", "one", "two"):
        screen.update(text)
    screen.say("end")
    assert out.getvalue() == "one\ntwo\nend\n"


def test_a_terminal_gets_one_line_that_changes(monkeypatch):
    monkeypatch.setenv("COLUMNS", "10")
    out = Terminal()
    screen = Screen(out)
    screen.update("a long line")
    screen.update("short")
    screen.say("end")
    assert out.getvalue() == "\ra long li\x1b[K\rshort\x1b[K\nend\n"


@table("done, filled", (0.0, 0), (0.01, 0), (0.5, 15), (0.999, 29), (1.0, 30))
def test_a_bar_is_full_only_at_the_end(done, filled):
    assert format_bar(done) == "█" * filled + "░" * (30 - filled)


@table(
    "text, short",
    ("exactly10!", "exactly10!"),
    ("more than ten", "more than…"),
    ("two\n lines", "two lines"),
    ("  indented", "  indented"),
)
def test_long_texts_are_cut(text, short):
    assert shorten(text, 10) == short


def test_a_batch_is_seen_by_how_many_are_done():
    jobs = [job(), job("failed"), job("processing"), job("pending")]
    words = "1 completed, 1 failed, 1 pending, 1 processing"
    assert format_progress(jobs) == f"{format_bar(0.5)}  2/4  {words}"


def test_a_job_alone_is_seen_by_what_it_does():
    assert format_progress([job("pending")]) == f"{format_bar(0)}  pending"
    assert (
        format_progress([job("processing", progress=Progress(80, "zipping"))])
        == f"{format_bar(0.8)}  zipping"
    )
    assert format_progress([job()]) == f"{format_bar(1)}  completed"


def test_jobs_are_watched_until_the_last_is_finished():
    looks = iter(
        [[job("pending"), job("pending")], [job(), job("pending")], [job(), job("failed")]]
    )
    out = io.StringIO()
    assert [j.status for j in watch(lambda: next(looks), Screen(out), 60)] == [
        "completed",
        "failed",
    ]
    assert [line.split()[1] for line in out.getvalue().splitlines()] == ["0/2", "1/2", "2/2"]


def test_watching_ends_when_the_time_is_up():
    with pytest.raises(DemoFailed, match="not finished after 0 s: Slow Talk"):
        watch(lambda: [job("pending", "Slow Talk")], Screen(io.StringIO()), 0)


def test_a_completed_job_is_one_line():
    done = job(
        processing_started_at=NOON + timedelta(seconds=1),
        completed_at=NOON + timedelta(seconds=3.5),
        results=Results(markdown_file="m", assets=["a", "b"]),
    )
    assert format_outcome(done).split() == [
        "✓",
        "A",
        "Talk",
        "completed",
        "2.50",
        "s",
        "3",
        "files",
    ]


def test_one_file_is_no_files():
    assert format_outcome(job(results=Results())).endswith("1 file")


def test_a_failed_job_says_its_code_and_its_cause():
    first, second = format_outcome(
        job("failed", error=JobError("http_404", "gone\nfor good"))
    ).split("\n")
    assert first.split() == ["✗", "A", "Talk", "failed", "9.00", "s", "http_404"]
    assert second.strip() == "gone for good"


def test_the_head_of_the_markdown_is_shown_under_its_name():
    text = "\n".join(f"line {n}" for n in range(1, 31))
    results = Results(markdown_file="job-1/Conf/Track/talk.md", markdown_content=text)
    shown = format_markdown_head(job(results=results)).splitlines()
    assert shown[0] == "  Conf/Track/talk.md (the first of 30 lines)"
    assert shown[2:] == [f"  │ line {n}" for n in range(1, 26)]


def test_what_was_not_planned_is_named():
    jobs = [
        job(session="good", results=Results(assets=["slides.pdf"])),
        job(session="bare", results=Results(assets=[])),
        job("failed", "broken", error=JobError("timeout", "too slow")),
        job("failed", "dead", error=JobError("http_404", "gone")),
        job(session="alive"),
    ]
    plans = [
        PlannedJob({"url": f"http://site/{session}"}, fails, files=2)
        for session, fails in [
            ("good", None),
            ("bare", None),
            ("broken", None),
            ("dead", "http_404"),
            ("alive", "thin_content"),
            ("lost", None),
        ]
    ]
    assert find_surprises(jobs, plans) == [
        "http://site/bare: 1 files instead of 2",
        "http://site/broken: timeout instead of completed",
        "http://site/alive: completed instead of thin_content",
        "http://site/lost: no job instead of completed",
    ]
