"""What holds whatever users, workers, clocks and crashes do: `ledger` judges the log as it grows,
and the scheduler's memory is compared with that. 75 stories, always the same ones; in the profile
`thorough` 900 that are always new.
"""

from datetime import timedelta

import pytest
from builders import (
    AT,
    add_job,
    archive_built,
    batch_packed,
    job_spec,
    session_fetched,
    submit_batch,
    submit_job,
    work_failed,
)
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from world import CRASHES, Asked, World

from eventjob.contracts.commands import (
    BuildBatchZip,
    DeleteBatch,
    DeleteJob,
    FailBatches,
    RestartJob,
    SetBatchActive,
    SetBatchArchived,
)
from eventjob.domain.access import Caller
from eventjob.domain.batch import ZipBuilding
from eventjob.domain.errors import StaleMemory
from eventjob.domain.ids import format_job_id
from eventjob.domain.job import Deleted, Ended, Fetching, Waiting, Zipping
from eventjob.projection import fold as projection
from services.scheduler.memory import Memory

BATCHES = st.sampled_from(["batch-x", "batch-x", "x", "y"])
JOBS = st.sampled_from(["job-1", *(f"job-x.{n}" for n in range(1, 6)), "job-y.1"])
OWNERS = st.sampled_from(["ada", None])
HASHES = st.sampled_from([None, "key.1", "key.2", "other.1"])
TRUSTED = Caller(None, trusted=True)
ASKERS = st.sampled_from([*map(Caller, ["ada", "ada", "ada", "bob", None]), TRUSTED])
SPECS = st.sampled_from(["one.example", "two.example"]).map(lambda host: job_spec(host=host))
MANY = st.lists(SPECS, min_size=1, max_size=4)
ADD = st.builds(add_job, batch_id=BATCHES, job=SPECS, key=st.sampled_from([None, "k"]))
RESTART = st.builds(RestartJob, job_id=JOBS)
SWITCH = st.builds(SetBatchActive, batch_id=BATCHES, active=st.sampled_from([None, True, False]))
COMMANDS = st.one_of(
    st.builds(submit_job, job=SPECS, owner=OWNERS, request_hash=HASHES),
    st.builds(submit_batch, batch_id=BATCHES, jobs=MANY, owner=OWNERS, request_hash=HASHES),
    st.builds(DeleteJob, job_id=JOBS),
    st.builds(SetBatchArchived, batch_id=BATCHES, archived=st.booleans()),
    st.builds(DeleteBatch, batch_id=BATCHES),
    st.builds(FailBatches, dry_run=st.booleans()),
)
FAULTS = st.builds(
    dict,
    transient=st.sampled_from([True, True, False]),
    counted=st.booleans(),
    retry_after_s=st.sampled_from([0.0, 30.0, 1e9]),
)
STATUS = {"C": "completed", "F": "failed"}
LETTERS = {Waiting: "w", Fetching: "f", Zipping: "a", Deleted: "D"}


def letter(state):
    return state.status[0].upper() if isinstance(state, Ended) else LETTERS[type(state)]


def succeeded(task):
    if task.n == 0:
        return batch_packed(group=task.group, attempt=task.attempt)
    of_job = {"group": task.group, "n": task.n, "attempt": task.attempt}
    return session_fetched(**of_job) if task.kind == "fetch" else archive_built(**of_job)


def failed(task, fault):
    return work_failed(group=task.group, n=task.n, attempt=task.attempt, task=task.kind, **fault)


def remembered(memory, purged):
    """What a fold must find again, by group; of purged ones less: commands go with their events."""
    found = {}
    for name, entry in memory._entries.items():
        known = {**vars(entry), "group": None, **vars(entry.group)}
        if name in purged:
            known["commands"] = None
            if entry.group.existence == "deleted":
                known = {key: known[key] for key in ("existence", "jobs", "unfinished", "present")}
        found[name] = known
    return found


class Scheduling(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.world = World()
        self.asked = []
        self.said = []

    @initialize(jobs=MANY, workers_live=st.booleans())
    def begin(self, jobs, workers_live):
        self.workers_live = workers_live
        self.ask(submit_batch(jobs=jobs), Caller("ada"), is_alone=True)
        self.world.round()

    @rule(command=COMMANDS, caller=ASKERS, is_alone=st.booleans())
    def ask(self, command, caller, is_alone):
        asked = Asked(command, f"c{len(self.asked)}", caller)
        self.asked.append(asked)
        self.world.inbox.append(asked)
        if is_alone:
            self.world.round()

    @rule(command=ADD | RESTART | SWITCH, is_alone=st.booleans())
    def ask_for_what_would_differ_if_done_twice(self, command, is_alone):
        self.ask(command, Caller("ada"), is_alone)

    @precondition(lambda self: any(page.count("C") for page in self.world.pages.values()))
    @rule(batch_id=BATCHES, caller=ASKERS, is_paused=st.booleans(), is_alone=st.booleans())
    def ask_for_a_zip(self, batch_id, caller, is_paused, is_alone):
        if is_paused:
            self.ask(SetBatchActive(batch_id=batch_id, active=False), TRUSTED, is_alone=False)
        self.ask(BuildBatchZip(batch_id=batch_id), caller, is_alone)

    @rule(data=st.data())
    def ask_again(self, data):
        self.world.inbox.append(data.draw(st.sampled_from(self.asked)))

    @rule(capacity=st.sampled_from([4, 1, 0]), crash=st.none() | st.sampled_from(CRASHES))
    def round(self, capacity, crash):
        self.world.round(capacity=capacity, crash=crash)

    @rule()
    def serve(self):
        """All goes well for once."""
        self.world.inbox += map(succeeded, self.world.tasks)
        self.world.tasks = []
        self.world.round()

    @precondition(lambda self: self.world.tasks)
    @rule(data=st.data(), fault=st.none() | FAULTS, is_acked=st.booleans(), is_heard=st.booleans())
    def work(self, data, fault, is_acked, is_heard):
        task = data.draw(st.sampled_from(self.world.tasks))
        if is_acked:
            self.world.tasks.remove(task)
        report = succeeded(task) if fault is None else failed(task, fault)
        self.said.append(report)
        (self.world.inbox if is_heard else self.world.reports).append(report)

    @precondition(lambda self: self.said)
    @rule(data=st.data())
    def report_late_or_again(self, data):
        report = data.draw(st.sampled_from(self.said))
        if report in self.world.reports:
            self.world.reports.remove(report)
        self.world.inbox.append(report)

    @rule(seconds=st.sampled_from([1, 40, 16 * 60, 2 * 3600, -1, -3600]))
    def move_the_clock(self, seconds):
        self.world.now += timedelta(seconds=seconds)

    @precondition(lambda self: self.world.is_ready)
    @rule()
    def take_snapshots(self):
        self.world.take_snapshots()

    @rule(bus_dies_too=st.booleans())
    def kill_the_scheduler(self, bus_dies_too):  # the bus had tasks and reports in memory
        if bus_dies_too:
            self.world.tasks, self.world.reports = [], []
        self.world.start()

    @invariant()
    def the_memory_is_what_the_log_says(self):
        world = self.world
        fold = Memory()
        for record in world.log:
            fold.fold(record)
        assert remembered(fold, world.purged) == remembered(world.memory, world.purged)

    @invariant()
    def the_memory_counts_right(self):
        for name, page in self.world.pages.items():
            group = self.world.memory.entry(name).group
            assert (group.existence == "deleted") == page.is_gone
            if page.is_gone:
                continue
            assert dict(enumerate(map(letter, group.jobs), 1)) == page.letters
            assert group.unfinished == page.count("w", "f", "a")
            assert group.failed == page.count("F")
            assert group.completed == page.count("C")
            assert (group.zip.attempt, isinstance(group.zip, ZipBuilding)) == (
                page.zips, page.is_packing
            )  # fmt: skip
            assert group.present == page.count("w", "f", "a", "C", "F")
            assert (group.active, group.archived) == (page.active, page.archived)

    @invariant()
    def a_report_that_is_ahead_is_never_ignored(self):
        """As if another scheduler had handed out the next attempt."""
        for name, n in self.unfinished():
            ahead = self.world.pages[name].attempts[n] + 1
            with pytest.raises(StaleMemory):
                self.world.decider.decide_outcome(archive_built(group=name, n=n, attempt=ahead), AT)
        for name, page in self.world.pages.items():
            if not page.is_gone:
                with pytest.raises(StaleMemory):
                    report = batch_packed(group=name, attempt=page.zips + 1)
                    self.world.decider.decide_outcome(report, AT)

    @invariant()
    def what_is_finished_is_announced(self):
        """But for the time from a crash to the end of the next round."""
        for page in self.world.pages.values():
            if page.is_batch and not page.is_gone and self.world.is_ready:
                assert page.said == page.status()

    def teardown(self):
        """In the end every job has an outcome, and no ZIP is waited for.

        By what workers say, or by the clock alone.
        """
        for batch_id in ("batch-x", "x", "y"):
            self.ask(SetBatchActive(batch_id=batch_id, active=True), TRUSTED, is_alone=False)
        self.world.inbox += self.world.reports
        self.world.reports = []
        self.world.round()
        left = self.unfinished()
        for _ in range(200):
            self.go_on()
            if not self.unfinished() and not self.packing():
                break
        else:
            raise AssertionError(f"forgotten: {self.unfinished()}, {self.packing()}")
        if self.workers_live:
            assert {self.world.pages[name].letters[n] for name, n in left} <= {"C"}
        self.what_is_finished_is_announced()
        self.the_projection_agrees()

    def go_on(self):
        """A round with workers or without; where nothing happens, time passes."""
        before = len(self.world.history)
        if self.workers_live:
            self.serve()
        else:
            self.world.round()
        if len(self.world.history) == before:
            self.world.now = max(self.world.now, self.world.memory.agenda.next_due() or AT)

    def unfinished(self):
        return [
            (name, n)
            for name, page in self.world.pages.items()
            for n, kind in page.letters.items()
            if kind in "wfa" and not page.is_gone
        ]

    def packing(self):
        pages = self.world.pages.items()
        return [name for name, page in pages if page.is_packing and not page.is_gone]

    def the_projection_agrees(self):
        """Also one that is built anew, from a log that was purged."""
        here = {name: page for name, page in self.world.pages.items() if not page.is_gone}
        jobs = {
            format_job_id(name, n): STATUS[kind]
            for name, page in here.items()
            for n, kind in page.letters.items()
            if kind != "D"
        }
        batches = {
            name: ("".join(page.letters.values()).lower(), page.said)
            for name, page in here.items()
            if page.is_batch
        }
        for records in (self.world.history, self.world.log):
            changes = projection.fold(records, {}, {})
            assert {job.job_id: job.status for job in changes.jobs} == jobs
            assert {b.group: (b.states, b.status) for b in changes.batches} == batches
            assert {b.group: b.content for b in changes.batches} == {
                name: self.world.pages[name].content for name in batches
            }


TestScheduling = Scheduling.TestCase
TestScheduling.settings = settings(max_examples=3 * settings().max_examples, stateful_step_count=60)
