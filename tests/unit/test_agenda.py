"""What a scheduler hands out, and what it finds out when it begins."""

from collections import Counter
from datetime import timedelta

import pytest
from builders import (
    ALONE,
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
    session_fetched,
    submit_batch,
    submit_job,
    zip_failed,
    zip_requested,
)
from tables import table
from world import Asked, World

from eventjob.domain.access import Caller
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


@table("capacity, zips, jobs", (0, 0, 0), (1, 1, 1), (8, 1, 3), (9, 2, 3), (100, 3, 3))
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


@pytest.fixture
def world():
    """One job alone, whose task is with a processor."""
    world = World()
    world.round()
    world.inbox.append(Asked(submit_job(), "c1", Caller("ada")))
    world.round()
    assert world.tasks == [TaskKey("fetch", ALONE, 1, 1)]
    return world


def test_a_task_that_outlives_its_attempt_takes_no_room(world):
    world.now += timedelta(hours=1)
    world.round()
    world.start()
    world.round()
    assert world.memory.agenda.count_out("fetch") == 0


def test_a_task_that_is_out_is_not_handed_out_again(world):
    world.start()
    world.round()
    world.round()
    assert world.memory.agenda.count_out("fetch") == len(world.tasks) == 1


def test_an_archiver_that_dies_together_with_the_scheduler_is_noticed(world):
    world.inbox.append(session_fetched())
    world.round()
    assert TaskKey("archive", ALONE, 1, 1) in world.tasks
    world.start()
    world.round()
    world.now += world.policy.attempt_timeout
    world.round()
    assert Counter(type(record.event).__name__ for record in world.history)["AttemptFailed"] == 1


def test_a_completion_that_a_crash_cut_off_is_made_up_for(world):
    world.inbox.append(Asked(submit_batch(jobs=[]), "c2", Caller("ada")))
    world.round(crash="between appends")
    assert world.pages["b-x"].said is None
    world.round()
    assert world.pages["b-x"].said == "completed"
