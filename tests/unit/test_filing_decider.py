"""What filing a batch needs, what it leaves, and that it leaves the same whoever folds it."""

import gzip

import pytest
from builders import (
    AT,
    OWNER,
    POLICY,
    add_job,
    batch_completed,
    batch_deleted,
    batch_filed,
    batch_submitted,
    file_batch,
    folded,
    job_completed,
    job_failed,
    job_fetched,
    jobs_added,
    jobs_started,
    on_group,
    on_job,
    session_fetched,
    submit_batch,
    zip_requested,
)
from recorded_events import Log
from tables import row, table

from eventjob.bus.errors import Poison
from eventjob.bus.log.raw import StoredMessage
from eventjob.bus.subjects import event_subject
from eventjob.contracts.commands import (
    BuildBatchZip,
    DeleteBatch,
    DeleteJob,
    RestartJob,
    SetBatchActive,
    SetBatchArchived,
)
from eventjob.contracts.events import BatchArchived, BatchPaused
from eventjob.domain import decide
from eventjob.domain.access import Caller
from eventjob.domain.decide import Context
from eventjob.domain.errors import Refused
from eventjob.domain.ids import group_of
from eventjob.retired.export_format import (
    MAX_EVENTS,
    MAX_UNPACKED_BYTES,
    ExportBuilder,
    decode,
    encode,
)
from services.scheduler import snapshot_codec
from services.scheduler.decide import MessageDecider
from services.scheduler.memory import Memory, Purge

ROOT = Caller(None, trusted=True)
RUNNING = [
    on_group(batch_submitted(request_hash="k.1")),
    on_group(jobs_added(key="a", request_hash="a.1")),
    on_group(jobs_started(1, 2)),
    on_job(1, job_fetched()),
    on_job(1, job_completed()),
]
DONE = [*RUNNING, on_job(2, job_failed()), on_group(batch_completed())]
ARCHIVED = [*DONE, on_group(BatchPaused(at=AT)), on_group(BatchArchived(at=AT))]
FILED = [*ARCHIVED, on_group(batch_filed(request_hash="k.1"))]


def answer(given, when, caller=ROOT):
    """The events, or the code of the refusal."""
    try:
        return decide.decide(when, folded(given, group_of(when)), Context(caller, AT, POLICY))
    except Refused as refusal:
        return refusal.code


@table(
    "given, caller, then",
    row("what is archived and at rest is filed", ARCHIVED, ROOT, FILED[-1:]),
    row("once", FILED, ROOT, []),
    row("not by its owner", ARCHIVED, Caller(OWNER), "permission_denied"),
    row("what was never there is not", [], ROOT, "not_found"),
    row("what is not archived is not", DONE, ROOT, "conflict"),
    row("what runs is not", [*RUNNING, on_group(BatchArchived(at=AT))], ROOT, "conflict"),
    row("while its ZIP is built", [*ARCHIVED, on_group(zip_requested())], ROOT, "conflict"),
    row("what is deleted is not", [*ARCHIVED, on_group(batch_deleted())], ROOT, "not_found"),
)
def test_what_is_filed(given, caller, then):
    assert answer(given, file_batch(), caller) == then


@pytest.mark.parametrize("given", [FILED, FILED[-1:]], ids=["as it was", "from what is left"])
@table(
    "when, then",
    (add_job(), "conflict"),
    (add_job(key="a", request_hash="a.1"), "conflict"),
    (RestartJob(job_id="job-x.1"), "conflict"),
    (DeleteJob(job_id="job-x.1"), "conflict"),
    (SetBatchActive(batch_id="batch-x", active=False), "conflict"),
    (SetBatchArchived(batch_id="batch-x", archived=False), "conflict"),
    (SetBatchArchived(batch_id="batch-x", archived=True), []),
    (submit_batch(request_hash="k.1"), []),
    (submit_batch(request_hash="k.2"), "idempotency_mismatch"),
    (submit_batch(), "conflict"),
    (BuildBatchZip(batch_id="batch-x"), [on_group(zip_requested())]),
    (DeleteBatch(batch_id="batch-x"), [on_group(batch_deleted())]),
    ids=lambda value: type(value).__name__,
)
def test_what_a_filed_batch_still_does(given, when, then):
    assert answer(given, when, Caller(OWNER)) == then


def test_nobody_but_its_writers_learns_that_a_batch_is_filed():
    for when in (RestartJob(job_id="job-x.1"), SetBatchActive(batch_id="batch-x"), add_job()):
        assert answer(FILED, when, Caller("eve")) == "permission_denied"


def test_a_filed_batch_is_not_settled_and_late_reports_are_nothing():
    memory, _ = remembered()
    deciding = MessageDecider(memory, POLICY)
    assert deciding.settle(["b-x"], AT) == []
    assert deciding.decide_outcome(session_fetched(group="b-x", n=1), AT) == []


def remembered():
    """A memory that saw all of it, and one that saw what is left in the log."""
    log = Log()
    log.submit()
    group = log.batch(3)
    for n in (1, 2, 3):
        log.start(group, [n])
        log.fetch(group, n)
        log.complete(group, n)
    log.add(group, None, BatchArchived(at=log.at))
    until = len(log.records)
    last = log.add(group, None, batch_filed(until=until, completed=3))
    memories = []
    for records in (log.records, [log.records[0], last]):
        memory = Memory()
        for record in records:
            memory.fold(record)
        memories.append(memory)
    return memories[0], memories[1]


def contents(memory):
    return {
        name: {**vars(entry), "group": vars(entry.group)} for name, entry in memory._entries.items()
    }


def test_whoever_folds_what_is_left_knows_the_same():
    whole, rest = remembered()
    assert contents(whole) == contents(rest)
    assert rest.pending_purges == []
    until = whole.entry("b-x").last[None] - 1
    own = event_subject("b-x")
    assert whole.pending_purges == [
        Purge(own, before=until + 1),
        Purge(f"{own}.*", before=until + 1),
    ]


def test_a_snapshot_keeps_that_it_is_filed():
    whole, _ = remembered()
    again = Memory()
    for n in range(16):
        part = snapshot_codec.decode(
            snapshot_codec.encode(whole.in_partition(n), "log", 9), "log", 9
        )
        again.restore([snapshot_codec.restore_entry(kept) for kept in part.groups])
    assert contents(again) == contents(whole)
    assert again.entry("b-x").group.completed == 3


def stored(count):
    data = b'{"type":"BatchPaused","at":"2030-01-02T03:04:05.678000Z"}'
    return [
        StoredMessage(
            sequence=n,
            subject="ev.03.b-x",
            headers={"Ej-Command": "c", "Nats-Batch-Id": "x"},
            data=data,
        )
        for n in range(1, count + 1)
    ]


def test_an_export_is_the_same_bytes_each_time_and_is_read_as_it_was_written():
    some = stored(3)
    assert encode(some) == encode(stored(3))
    found = decode(encode(some))
    assert [(r.sequence, r.group, r.n, r.command_id) for r in found] == [
        (n, "b-x", None, "c") for n in (1, 2, 3)
    ]
    assert b"Nats-" not in encode(some)


@pytest.mark.parametrize("data", [b"no", encode(stored(3))[:-9]])
def test_what_is_no_export_is_poison(data):
    with pytest.raises(Poison, match="not an export"):
        decode(data)


@pytest.mark.parametrize("step", [1, 999, 20_000])
def test_events_are_cut_into_exports_of_a_size_and_none_is_lost(step):
    some = stored(2 * MAX_EVENTS + 7)
    cutting = ExportBuilder()
    full = [e for i in range(0, len(some), step) for e in cutting.add(some[i : i + step])]
    found = [*full, cutting.flush()]
    assert [len(export) for export in found] == [MAX_EVENTS, MAX_EVENTS, 7]
    assert [event for export in found for event in export] == some


def test_an_export_that_unpacks_to_far_more_than_one_has_is_none():
    bomb = gzip.compress(b" " * (MAX_UNPACKED_BYTES + 1))
    with pytest.raises(Poison, match="an export of events may have 67,108,864 bytes at most"):
        decode(bomb)
