"""What messages look like on the wire. It is stored, and public: a change here is a migration."""

from typing import get_args

import msgspec
import pytest
from builders import (
    AT,
    BUNDLE,
    DEADLINE,
    access,
    add_job,
    archive_built,
    attempt_failed,
    batch_completed,
    batch_deleted,
    batch_filed,
    batch_packed,
    batch_submitted,
    file_batch,
    file_ref,
    job_completed,
    job_deleted,
    job_failed,
    job_fetched,
    job_restarted,
    job_spec,
    job_submitted,
    jobs_added,
    jobs_failed,
    jobs_started,
    session_fetched,
    submit_batch,
    submit_job,
    work_failed,
    zip_built,
    zip_failed,
    zip_requested,
)
from msgspec import Raw

from eventjob.contracts import announcements, commands, events, replies, work
from eventjob.contracts.base import JobError, Message

ADA = access(read_access=("ada",))
SPEC = '{"parameters":{"event":"e"},"host":"example.org","job_name":"e - t - s"}'
FULL_SPEC = SPEC[:-1] + ',"job_type":"session","webhook":{"url":"https://example.org"}}'
FULL = job_spec(job_type="session", webhook=Raw(b'{"url":"https://example.org"}'))
RULE = (
    '"owner":"ada","access":{"visibility":"private","read_access":["ada"],"write_access":[],'
    '"admin_access":[]}'
)
NOW = '"at":"2030-01-02T03:04:05.678000Z"'
UNTIL = '"2030-01-02T03:19:05.678000Z"'
LOG = '[{"timestamp":"2030-01-02T03:04:05.678000Z","level":"info","message":"page fetched"}]'
FILE = f'{{"path":"e/t/talk.md","sha256":"{"f" * 64}","size_bytes":7,"media_type":"text/plain"}}'
SOURCED = FILE[:-1] + ',"source_url":"https://example.org/a.pdf"}'
ERROR = '{"code":"timeout","message":"no answer within 10 s","details":{}}'
DETAILED = '{"code":"http_500","message":"m","details":{"status":500,"url":"u","none":null}}'
EXPORTS = f'"exports":[{{"sha256":"{"e" * 64}","events":9}}]'
ARCHIVE = '{"type":"SetBatchArchived","batch_id":"x","archived":true}'
PLACE = '"group":"j-job-1","n":1,"attempt":1'


def pin(message, *text):
    """A message, and what it looks like."""
    return message, "".join(text)


COMMANDS = [
    pin(
        submit_job(job=FULL, access=ADA, request_hash="1"),
        f'{{"type":"SubmitJob","job_id":"job-1","job":{FULL_SPEC},{RULE},"request_hash":"1"}}',
    ),
    pin(
        submit_batch(jobs=[job_spec()], access=ADA),
        f'{{"type":"SubmitBatch","batch_id":"batch-x","batch_name":"FOSDEM","jobs":[{SPEC}],{RULE},',
        '"webhook":null,"request_hash":null}',
    ),
    pin(
        add_job(key="k", request_hash="1"),
        f'{{"type":"AddJob","batch_id":"batch-x","job":{SPEC},"key":"k","request_hash":"1"}}',
    ),
    (commands.RestartJob(job_id="job-x.1"), '{"type":"RestartJob","job_id":"job-x.1"}'),
    (commands.DeleteJob(job_id="job-x.1"), '{"type":"DeleteJob","job_id":"job-x.1"}'),
    pin(
        commands.SetBatchActive(batch_id="batch-x"),
        '{"type":"SetBatchActive","batch_id":"batch-x","active":null}',
    ),
    (commands.SetBatchArchived(batch_id="x", archived=True), ARCHIVE),
    (commands.DeleteBatch(batch_id="batch-x"), '{"type":"DeleteBatch","batch_id":"batch-x"}'),
    (commands.BuildBatchZip(batch_id="batch-x"), '{"type":"BuildBatchZip","batch_id":"batch-x"}'),
    (file_batch(), f'{{"type":"FileBatch","batch_id":"batch-x","until":9,{EXPORTS}}}'),
    (commands.FailBatches(dry_run=True), '{"type":"FailBatches","dry_run":true}'),
    (commands.StoredCommand(sha256="f0"), '{"type":"StoredCommand","sha256":"f0"}'),
]

EVENTS = [
    pin(
        job_submitted(access=ADA),
        f'{{"type":"JobSubmitted","job_id":"job-1","job":{SPEC},{RULE},"request_hash":null,{NOW}}}',
    ),
    pin(
        batch_submitted(access=ADA, webhook=Raw(b'{"url":"u"}'), request_hash="1"),
        '{"type":"BatchSubmitted","batch_id":"batch-x","batch_name":"FOSDEM","total_jobs":2,',
        f'{RULE},"webhook":{{"url":"u"}},"request_hash":"1",{NOW}}}',
    ),
    pin(
        jobs_added(access=ADA),
        f'{{"type":"JobsAdded","batch_id":"batch-x","first":1,"jobs":[{SPEC},{SPEC}],{RULE},',
        f'"key":null,"request_hash":null,{NOW}}}',
    ),
    pin(
        jobs_started(1, 2),
        f'{{"type":"JobsStarted","starts":[[1,1],[2,1]],"deadline":{UNTIL},{NOW}}}',
    ),
    pin(
        jobs_failed(1, 2, error=JobError(code="cancelled", message="m")),
        '{"type":"JobsFailed","numbers":[1,2],"error":',
        f'{{"code":"cancelled","message":"m","details":{{}}}},{NOW}}}',
    ),
    (events.BatchPaused(at=AT), f'{{"type":"BatchPaused",{NOW}}}'),
    (events.BatchResumed(at=AT), f'{{"type":"BatchResumed",{NOW}}}'),
    (events.BatchArchived(at=AT), f'{{"type":"BatchArchived",{NOW}}}'),
    (events.BatchUnarchived(at=AT), f'{{"type":"BatchUnarchived",{NOW}}}'),
    (batch_completed(), f'{{"type":"BatchCompleted","status":"completed",{NOW}}}'),
    (zip_requested(), f'{{"type":"BatchZipRequested","attempt":1,"deadline":{UNTIL},{NOW}}}'),
    (zip_built(), f'{{"type":"BatchZipBuilt","attempt":1,"zip":{FILE},"content":7,{NOW}}}'),
    (zip_failed(), f'{{"type":"BatchZipFailed","attempt":1,"error":{ERROR},{NOW}}}'),
    pin(
        batch_filed(access=ADA),
        f'{{"type":"BatchFiled","batch_id":"batch-x","until":9,{EXPORTS},"completed":1,{RULE},',
        f'"request_hash":null,{NOW}}}',
    ),
    (batch_deleted(), f'{{"type":"BatchDeleted","batch_id":"batch-x",{NOW}}}'),
    pin(
        job_fetched(files=[file_ref(source_url="https://example.org/a.pdf")], sources=["f0"]),
        f'{{"type":"JobFetched","attempt":1,"bundle":"{BUNDLE}","files":[{SOURCED}],',
        f'"sources":["f0"],"log":{LOG},{NOW}}}',
    ),
    pin(
        attempt_failed(retry_at=DEADLINE, counted=False),
        f'{{"type":"AttemptFailed","attempt":1,"error":{ERROR},"retry_at":{UNTIL},',
        f'"counted":false,"log":[],{NOW}}}',
    ),
    (job_completed(), f'{{"type":"JobCompleted","attempt":1,"archive":{FILE},{NOW}}}'),
    pin(
        job_failed(
            error=JobError(
                code="http_500", message="m", details={"status": 500, "url": "u", "none": None}
            )
        ),
        f'{{"type":"JobFailed","attempt":1,"error":{DETAILED},"log":[],{NOW}}}',
    ),
    (job_restarted(), f'{{"type":"JobRestarted","attempt":2,{NOW}}}'),
    (job_deleted(), f'{{"type":"JobDeleted","job_id":"job-1",{NOW}}}'),
]

OUTCOMES = [
    pin(
        session_fetched(sources=["f0"]),
        f'{{"type":"SessionFetched",{PLACE},"bundle":"{BUNDLE}","files":[{FILE}],',
        f'"sources":["f0"],"log":{LOG}}}',
    ),
    (archive_built(), f'{{"type":"ArchiveBuilt",{PLACE},"archive":{FILE}}}'),
    pin(
        batch_packed(),
        f'{{"type":"BatchPacked","group":"b-x","n":0,"attempt":1,"zip":{FILE},"content":7}}',
    ),
    pin(
        work_failed(retry_after_s=1.5),
        f'{{"type":"WorkFailed",{PLACE},"task":"fetch","error":{ERROR},"transient":true,',
        '"retry_after_s":1.5,"counted":true,"log":[]}',
    ),
]

_PLACED = {"job_id": "job-1", "group": "j-job-1", "n": 1, "attempt": 1, "deadline": DEADLINE}
_WHOSE = f'"job_id":"job-1",{PLACE},"deadline":{UNTIL}'
TASKS = [
    pin(
        work.FetchSession(**_PLACED, parameters=Raw(b'{"event":"e"}')),
        f'{{"type":"FetchSession",{_WHOSE},"parameters":{{"event":"e"}}}}',
    ),
    pin(
        work.BuildArchive(**_PLACED, bundle=BUNDLE),
        f'{{"type":"BuildArchive",{_WHOSE},"bundle":"{BUNDLE}"}}',
    ),
    pin(
        work.PackBatch(group="b-x", attempt=1, deadline=DEADLINE),
        f'{{"type":"PackBatch","group":"b-x","n":0,"attempt":1,"deadline":{UNTIL}}}',
    ),
]

REPORTS = [
    (
        work.Report(outcomes=[message for message, _ in OUTCOMES]),
        f'{{"type":"Report","outcomes":[{",".join(text for _, text in OUTCOMES)}]}}',
    )
]

REPLIES = [
    pin(
        replies.Accepted(sequence=7, updated=2, number=3, repeated=True),
        '{"type":"Accepted","sequence":7,"updated":2,"number":3,"repeated":true}',
    ),
    pin(
        replies.Declined(code="conflict", message="taken"),
        '{"type":"Declined","code":"conflict","message":"taken"}',
    ),
]

ANNOUNCEMENTS = [
    pin(
        announcements.WorkerAlive(worker="w", kind="fetch", capacity=16),
        '{"type":"WorkerAlive","worker":"w","kind":"fetch","capacity":16}',
    ),
    pin(
        announcements.SchedulerAlive(scheduler="s", ready=True),
        '{"type":"SchedulerAlive","scheduler":"s","ready":true}',
    ),
    pin(
        announcements.SchedulerAlive(scheduler="s", ready=True, partitions=["07"], wanted={"w": 3}),
        '{"type":"SchedulerAlive","scheduler":"s","ready":true,"partitions":["07"],"wanted":{"w":3}}',
    ),
    (announcements.ProjectedTo(sequence=7), '{"type":"ProjectedTo","sequence":7,"stopped":null}'),
]

UNIONS = [
    (commands.Command, COMMANDS),
    (events.Event, EVENTS),
    (work.Outcome, OUTCOMES),
    (work.Task, TASKS),
    (work.Report, REPORTS),
    (replies.Reply, REPLIES),
    (announcements.Announcement, ANNOUNCEMENTS),
]
ALL = [
    pytest.param(union, message, text, id=type(message).__name__)
    for union, examples in UNIONS
    for message, text in examples
]


@pytest.mark.parametrize(("union", "message", "text"), ALL)
def test_a_message_on_the_wire_to_which_later_versions_may_add_fields(union, message, text):
    assert msgspec.json.encode(message).decode() == text
    assert msgspec.json.decode(text, type=union) == message
    newer = text[:-1] + ',"of_a_later_version":{"a":[1,null]}}'
    assert msgspec.json.decode(newer, type=union) == message
    if get_args(union):
        untyped = text.replace(f'"type":"{type(message).__name__}"', '"kind":"x"', 1)
        with pytest.raises(msgspec.ValidationError, match="missing required field `type`"):
            msgspec.json.decode(untyped, type=union)


def test_every_member_of_a_union_is_pinned_and_an_unknown_type_is_refused():
    for union, examples in UNIONS:
        assert {type(message) for message, _ in examples} == (set(get_args(union)) or {union})
        with pytest.raises(msgspec.ValidationError, match="Invalid value 'Later'"):
            msgspec.json.decode('{"type":"Later"}', type=union)


def test_every_message_is_pinned():
    pinned = {type(message) for _, examples in UNIONS for message, _ in examples}
    assert pinned == set(Message.__subclasses__())


def test_the_schema_version_is_pinned():
    assert events.SCHEMA_VERSION == 1
