"""Large batches: cut into few events of a size that the log likes, and full some day."""

import pytest
from builders import (
    AT,
    OWNER,
    POLICY,
    add_job,
    batch_submitted,
    folded,
    job_spec,
    on_group,
    submit_batch,
)
from msgspec import Raw, json
from tables import row, table

from eventjob.domain import job
from eventjob.domain.access import Caller
from eventjob.domain.batch import REMEMBERED_COMMANDS, Group
from eventjob.domain.chunks import BYTES_PER_EVENT
from eventjob.domain.decide import MOST_JOBS, Circumstances, decide
from eventjob.domain.errors import Refused

NOW = Circumstances(Caller(OWNER), AT, POLICY)
MOST_EVENTS = 1000  # in one atomic append
LARGEST_EVENT_BYTES = 1024 * 1024


def specs(*sizes):
    """Jobs whose parameters have these sizes in bytes."""
    return [job_spec(parameters=Raw(b'"' + b"x" * (size - 2) + b'"')) for size in sizes]


def added(jobs):
    """The events that add ``jobs``, which are in them complete, in order, and counted right."""
    opened, *events = [draft.event for draft in decide(submit_batch(jobs=jobs), Group("b-x"), NOW)]
    assert opened.total_jobs == len(jobs)
    assert [spec for event in events for spec in event.jobs] == jobs
    assert [event.first for event in events] == [
        1 + sum(len(event.jobs) for event in events[:n]) for n in range(len(events))
    ]
    return events


@table(
    "jobs, counts",
    row("no job, no event", [], []),
    row("100 jobs fit", specs(*[20] * 100), [100]),
    row("101 jobs do not", specs(*[20] * 101), [100, 1]),
    row("256 KB of parameters fit", specs(*[16 * 1024] * 17), [16, 1]),
    row("an oversized job stands alone", specs(BYTES_PER_EVENT + 1, 20), [1, 1]),
    row("a large job begins an event", specs(20, BYTES_PER_EVENT), [1, 1]),
)
def test_jobs_are_cut(jobs, counts):
    assert [len(event.jobs) for event in added(jobs)] == counts


@table(
    "size, events",
    row("of usual size, cut by their number", 400, 200),
    row("that fill a 32 MB body, cut by their number", 1600, 200),
    row("of the largest size, which no body can hold", 16 * 1024, 1250),
)
def test_20000_jobs(size, events):
    assert len(added(specs(*[size] * 20_000))) == events


@pytest.mark.parametrize("largest", [400, 4000, 16 * 1024])
def test_what_a_body_can_hold_is_one_atomic_append(largest):
    """32 MB of the most wasteful mixtures: a large job ends an event that small ones began."""
    body_bytes = 32 * 1024 * 1024
    mixture = [largest] * (BYTES_PER_EVENT // largest) + [200]
    jobs = specs(*mixture * min(20_000 // len(mixture), body_bytes // sum(mixture)))
    events = added(jobs)
    assert len(events) < MOST_EVENTS
    assert max(len(json.encode(event)) for event in events) < LARGEST_EVENT_BYTES


def test_a_batch_is_full_some_day():
    group = folded([on_group(batch_submitted())])
    group.jobs = [job.SUBMITTED] * (MOST_JOBS - 1)
    (draft,) = decide(add_job(), group, NOW)
    assert draft.event.first == MOST_JOBS
    group.jobs.append(job.SUBMITTED)
    with pytest.raises(Refused, match=f"has {MOST_JOBS} jobs") as refusal:
        decide(add_job(), group, NOW)
    assert refusal.value.code == "conflict"


def test_the_commands_remembered_longest_are_forgotten_first():
    group = Group("b-x")
    for number in range(REMEMBERED_COMMANDS + 1):
        group.remember(str(number))
    assert len(group.commands) == REMEMBERED_COMMANDS
    assert "0" not in group.commands
    assert {"1", str(REMEMBERED_COMMANDS)} <= group.commands.keys()
