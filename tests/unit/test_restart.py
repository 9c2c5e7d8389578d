"""What a scheduler finds out when it begins, told as stories: once each, these went wrong."""

from collections import Counter
from datetime import timedelta

import pytest
from builders import ALONE, session_fetched, submit_batch, submit_job
from world import Asked, World

from eventjob.domain.access import Caller
from services.scheduler.agenda import TaskKey


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
