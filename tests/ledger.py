"""A second opinion on the event log: each job a letter, counted the plain way.

Waiting, fetching and archiving are w, f and a; completed, failed and deleted C, F and D. It shares
no code with what it judges. An event that may not follow on those before it fails.
"""

from collections import Counter

from eventjob.contracts.events import (
    AttemptFailed,
    BatchArchived,
    BatchCompleted,
    BatchDeleted,
    BatchPaused,
    BatchResumed,
    BatchSubmitted,
    BatchUnarchived,
    BatchZipBuilt,
    BatchZipFailed,
    BatchZipRequested,
    JobCompleted,
    JobDeleted,
    JobFailed,
    JobFetched,
    JobRestarted,
    JobsAdded,
    JobsFailed,
    JobsStarted,
    JobSubmitted,
)


class Page:
    """What the log says of one group."""

    def __init__(self):
        self.is_batch = False
        self.is_gone = False
        self.active = True
        self.archived = False
        self.letters = {}
        self.attempts = {}
        self.outcomes = set()
        self.zips = 0  # attempts at a ZIP of all
        self.is_packing = False
        self.content = 0  # the last event that a ZIP of all would tell of
        self.said = None  # the completion that holds, if any

    def count(self, *letters):
        return sum(letter in letters for letter in self.letters.values())

    def status(self):
        """What a reader should be told of the batch."""
        if self.count("w", "f", "a"):
            return None
        kinds = Counter(self.letters.values())
        return "failed" if kinds["F"] and not kinds["C"] else "completed"

    def take(self, n, event, sequence):
        """Let the event happen, if it may."""
        if isinstance(event, JobCompleted | JobFailed | JobsFailed | JobRestarted | JobDeleted):
            self.content = sequence
        assert not self.is_gone, f"{event} follows a tombstone"
        if n is not None:
            self._job(n, event)
        else:
            self._group(event)
        if self.count("w", "f", "a"):
            self.said = None

    def _group(self, event):
        match event:
            case BatchSubmitted():
                assert not self.is_batch
                self.is_batch = True
            case JobSubmitted():
                assert not self.letters
                self._add(1)
            case JobsAdded():
                assert event.first == len(self.letters) + 1
                for n in range(event.first, event.first + len(event.jobs)):
                    self._add(n)
            case JobsStarted():
                assert self.active
                for start in event.starts:
                    self._move(start.n, start.attempt, "w", "f")
            case JobsFailed():
                assert not self.archived
                for n in event.numbers:
                    self._end(n, self.attempts[n], "wfa", "F")
            case BatchPaused() | BatchResumed():
                assert self.active != isinstance(event, BatchResumed)
                self.active = not self.active
            case BatchArchived() | BatchUnarchived():
                assert self.archived != isinstance(event, BatchArchived)
                self.archived = not self.archived
            case BatchCompleted():
                assert self.is_batch
                assert event.status == self.status() != self.said, "said too early, or twice"
                self.said = event.status
            case BatchZipRequested():
                assert self.count("C"), "there is nothing to pack"
                assert not (self.active and self.count("w", "f", "a")), "there is more to come"
                assert not self.is_packing
                assert event.attempt == self.zips + 1
                self.zips, self.is_packing = event.attempt, True
            case BatchZipBuilt() | BatchZipFailed():
                assert self.is_packing
                assert event.attempt == self.zips
                self.is_packing = False
            case BatchDeleted() | JobDeleted():
                assert self.is_batch == isinstance(event, BatchDeleted)
                self.is_gone = True
            case _:
                raise AssertionError(f"{event} is about no job")

    def _job(self, n, event):
        match event:
            case JobFetched():
                self._move(n, event.attempt, "f", "a")
            case JobCompleted():
                self._end(n, event.attempt, "a", "C")
            case JobFailed():
                self._end(n, event.attempt, "fa", "F")
            case AttemptFailed():
                assert event.retry_at > event.at
                self._end(n, event.attempt, "fa", "w")
                self.attempts[n] += 1
            case JobRestarted():
                self.attempts[n] += 1
                self._move(n, event.attempt, "wfaCF", "w")
            case JobDeleted():
                assert self.is_batch
                self._move(n, self.attempts[n], "wfaCF", "D")
            case _:
                raise AssertionError(f"{event} is about no single job")

    def _add(self, n):
        self.letters[n] = "w"
        self.attempts[n] = 1

    def _end(self, n, attempt, before, after):
        assert (n, attempt) not in self.outcomes, "an attempt has two outcomes"
        self.outcomes.add((n, attempt))
        self._move(n, attempt, before, after)

    def _move(self, n, attempt, before, after):
        assert attempt == self.attempts[n], "the attempt is another one"
        assert self.letters[n] in before, f"job {n} is {self.letters[n]}, not one of {before}"
        self.letters[n] = after
