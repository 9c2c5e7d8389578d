"""Blobs that come and go within one stretch are in no document, and must be swept all the same."""

import pytest
from recorded_events import BUNDLE, PAGE, SOURCE, ZIP, Log

from eventjob.contracts.base import FileRef
from eventjob.contracts.events import BatchDeleted, BatchZipBuilt, JobDeleted
from eventjob.projection.fold import fold

ALONE, BATCH = "j-job-a", "b-x"
RESULTS = {BUNDLE, PAGE, SOURCE, ZIP}
PACKED = FileRef(path="batch.zip", sha256="9" * 64, size_bytes=1, media_type="application/zip")


@pytest.fixture
def log():
    return Log()


def dropped(log):
    return set(fold(log.records, {}, {}).dropped)


def finished(log, group=ALONE):
    log.start(group)
    log.fetch(group)
    return log.complete(group)


def test_a_job_that_ends_and_is_deleted(log):
    log.submit()
    finished(log)
    assert dropped(log) == set()
    log.add(ALONE, None, JobDeleted(job_id="job-a", at=log.at))
    assert dropped(log) == RESULTS


def test_a_job_that_ends_and_is_restarted(log):
    log.submit()
    finished(log)
    log.restart(ALONE)
    assert dropped(log) == RESULTS


def test_a_batch_that_is_deleted_with_what_its_jobs_became(log):
    log.batch(1)
    finished(log, BATCH)
    log.add(BATCH, None, BatchDeleted(batch_id="batch-x", at=log.at))
    assert dropped(log) == RESULTS


def test_a_zip_of_a_batch_that_has_changed_since(log):
    log.batch(1)
    content = finished(log, BATCH).sequence
    built = BatchZipBuilt(attempt=1, zip=PACKED, content=content, at=log.at)
    log.add(BATCH, None, built)
    assert dropped(log) == set()
    log.restart(BATCH)
    assert dropped(log) == RESULTS | {PACKED.sha256}


def test_a_zip_that_came_too_late(log):
    log.batch(1)
    content = finished(log, BATCH).sequence
    log.restart(BATCH)
    log.add(BATCH, None, BatchZipBuilt(attempt=1, zip=PACKED, content=content, at=log.at))
    assert PACKED.sha256 in dropped(log)
