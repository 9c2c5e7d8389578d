"""Whatever happens, in whatever portions and however often: the documents agree with the domain."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from recorded_events import TIMEOUT, Log

from eventjob.contracts.events import BatchCompleted, BatchDeleted, JobDeleted, JobsFailed
from eventjob.domain import batch as domain
from eventjob.domain.ids import format_job_id
from eventjob.domain.job import Deleted, Fetching, Waiting, Zipping
from eventjob.projection.fold import affected_documents, fold

SIZE = 4
STATUS = {"p": "pending", "r": "processing", "c": "completed", "f": "failed"}


def delete(log, group, n):
    log.add(group, n, JobDeleted(job_id=format_job_id(group, n), at=log.at))


def cancel(log, group, n):
    log.add(group, None, JobsFailed(numbers=[n, 3], error=TIMEOUT, at=log.at))


def finish(log, group, _n):
    log.add(group, None, BatchCompleted(status="completed", at=log.at))


def remove(log, group, _n):
    log.add(group, None, BatchDeleted(batch_id="batch-x", at=log.at))


HAPPENINGS = [
    lambda log, group, n: log.start(group, [n, 1]),
    Log.fetch,
    Log.complete,
    Log.fail,
    Log.retry,
    Log.restart,
    delete,
    cancel,
    finish,
]


@st.composite
def logs(draw):
    """A batch with all that may befall it, and a job alone."""
    log = Log()
    log.submit()
    group = log.batch(SIZE, per_event=2)
    steps = st.tuples(st.sampled_from(HAPPENINGS), st.integers(1, SIZE))
    for happen, n in draw(st.lists(steps, max_size=25)):
        happen(log, group, n)
    if draw(st.integers(0, 9)) == 0:
        remove(log, group, 0)
    return log


class Documents:
    """A store without transactions: each document on its own, only ever written forward."""

    def __init__(self):
        self.jobs = {}
        self.batches = {}

    def take(self, stretch, crash_after=None):
        wanted = affected_documents(stretch)
        changes = fold(
            stretch,
            {key: job for key, job in self.jobs.items() if key in wanted.job_ids},
            {key: batch for key, batch in self.batches.items() if key in wanted.groups},
        )
        written = [(self.jobs, job.job_id, job) for job in changes.jobs]
        written += [(self.batches, batch.group, batch) for batch in changes.batches]
        for kind, key, document in written[:crash_after]:
            if key not in kind or kind[key].sequence < document.sequence:
                kind[key] = document
        if crash_after is None:
            for key in changes.deleted_jobs:
                self.jobs.pop(key, None)
            for group in changes.deleted_groups:
                self.batches.pop(group, None)
                self.jobs = {k: job for k, job in self.jobs.items() if job.group != group}


def folded(records):
    documents = Documents()
    documents.take(records)
    return documents


@given(logs())
def test_letters_and_statuses_are_those_that_the_domain_folds(log):
    documents = folded(log.records)
    group = domain.Group("b-x")
    for record in log.records:
        if record.group == group.id:
            domain.evolve(group, record.n, record.event)
    if group.existence == "deleted":
        assert documents.batches == {}
        return
    batch = documents.batches["b-x"]
    assert batch.states == "".join(map(letter, group.jobs))
    shown = {job.n: job.status for job in documents.jobs.values() if job.group == "b-x"}
    assert shown == {n: STATUS[c] for n, c in enumerate(batch.states, 1) if c != "d"}


def letter(state):
    match state:
        case Waiting():
            return "p"
        case Fetching() | Zipping():
            return "r"
        case Deleted():
            return "d"
        case _:
            return state.status[0]


@given(logs(), st.lists(st.integers(1, 40), max_size=6))
def test_portions_do_not_matter(log, cuts):
    documents = Documents()
    edges = [0, *sorted({cut for cut in cuts if cut < len(log.records)}), len(log.records)]
    for first, last in pairwise(edges):
        documents.take(log.records[first:last])
    assert vars(documents) == vars(folded(log.records))


@given(logs(), st.data())
def test_a_replay_after_a_crash_in_the_middle_of_writing_converges(log, data):
    size = len(log.records)
    checkpoint = data.draw(st.integers(0, size - 1))
    reached = data.draw(st.integers(checkpoint + 1, size))
    documents = Documents()
    if checkpoint:
        documents.take(log.records[:checkpoint])
    documents.take(log.records[checkpoint:reached], crash_after=data.draw(st.integers(0, 6)))
    documents.take(log.records[checkpoint:])
    assert vars(documents) == vars(folded(log.records))


@given(logs(), st.data())
def test_a_replay_in_other_portions_converges(log, data):
    documents = folded(log.records)
    first = data.draw(st.integers(0, len(log.records) - 1))
    middle = data.draw(st.integers(first, len(log.records)))
    for part in (log.records[first:middle], log.records[middle:]):
        if part:
            documents.take(part)
    assert vars(documents) == vars(folded(log.records))
