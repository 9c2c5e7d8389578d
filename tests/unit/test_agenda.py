"""What is handed out: the ZIPs of batches take long, and may not keep those of jobs waiting."""

import pytest
from builders import (
    AT,
    DEADLINE,
    batch_deleted,
    batch_submitted,
    job_completed,
    job_fetched,
    jobs_added,
    jobs_started,
    on_group,
    on_job,
    zip_failed,
    zip_requested,
)

from services.scheduler.agenda import TaskKey
from services.scheduler.memory import Memory

NAMES = ("a", "b", "c")
ZIPS = [TaskKey("archive", f"b-{name}", 0, 1) for name in NAMES]
JOBS = [TaskKey("archive", f"b-{name}", 2, 1) for name in NAMES]


def moved(memory, *drafts):
    for draft in drafts:
        memory.apply(draft, "")


@pytest.fixture
def memory():
    """Three batches, of which each has a job to archive and waits for its ZIP."""
    memory = Memory()
    for name in NAMES:
        group = f"b-{name}"
        moved(
            memory,
            on_group(batch_submitted(batch_id=name), group),
            on_group(jobs_added(batch_id=name), group),
            on_group(jobs_started(1, 2), group),
            *(on_job(n, job_fetched(), group) for n in (1, 2)),
            on_job(1, job_completed(), group),
            on_group(zip_requested(), group),
        )
    return memory


@pytest.mark.parametrize(
    ("capacity", "zips", "jobs"), [(0, 0, 0), (1, 1, 1), (8, 1, 3), (9, 2, 3), (100, 3, 3)]
)
def test_zips_of_batches_have_a_share_of_their_own(memory, capacity, zips, jobs):
    assert memory.agenda.pick_tasks("archive", capacity) == [*ZIPS[:zips], *JOBS[:jobs]]


def test_the_next_comes_when_one_is_done_or_given_up(memory):
    agenda = memory.agenda
    assert agenda.pick_tasks("archive", 8)[0] == ZIPS[0]
    assert agenda.pick_tasks("archive", 8) == []
    moved(memory, on_group(zip_failed(), "b-a"))
    assert agenda.pick_tasks("archive", 8) == [ZIPS[1]]
    moved(memory, on_group(batch_deleted(batch_id="b"), "b-b"))
    assert agenda.pick_tasks("archive", 8) == [ZIPS[2]]


def test_what_is_out_after_a_restart_is_not_handed_out_again(memory):
    memory.agenda.note_tasks_out("archive", {ZIPS[0], JOBS[1]}, DEADLINE)
    assert memory.agenda.pick_tasks("archive", 16) == [ZIPS[1], JOBS[0], JOBS[2]]


def test_a_zip_is_overdue_at_its_deadline_and_not_before(memory):
    agenda = memory.agenda
    agenda.pick_tasks("archive", 100)
    assert agenda.pop_overdue(AT, 10) == []
    moved(memory, on_group(zip_failed(), "b-a"))
    assert {(due.group, due.n) for due in agenda.pop_overdue(DEADLINE, 10)} == {
        ("b-b", 0),
        ("b-c", 0),
    }
