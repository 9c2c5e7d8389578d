"""What an operator does: sweep, retire, rebuild, back up and restore; readers see the same."""

import json
import shutil
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from threading import Event

import pytest
from deployment import Up, eventually, session, without_pauses
from old_blobs import age, leave
from verify import all_jobs, check_counters, is_right

JOBS = 8


def live(up, site, name):
    """A batch that is completed, in which a job was deleted and another one restarted."""
    up.submit(f"batch-{name}", [session(f"{site.url}/{name}-{n}", f"s{n}") for n in range(JOBS)])
    up.finish(f"batch-{name}")
    assert up.delete(f"/jobs/job-{name}.2").status == 200
    assert up.post(f"/job-{name}.1/restart").status == 200
    up.finish(f"batch-{name}")


def seen(up, name):
    """All that a reader can have of a batch."""
    batch = f"/batches/batch-{name}"
    paths = [batch, f"{batch}/history"]
    for n in range(1, JOBS + 1):
        job = f"/jobs/job-{name}.{n}"
        paths += [job, f"{job}/history", f"{job}/download-archive"]
    answers = {path: up.get(path) for path in paths}
    first = min(event["seq"] for event in answers[f"{batch}/history"].json["events"])
    for sequence in range(first, first + 12, 3):
        path = f"/jobs/job-{name}.1?as_of={sequence}"
        answers[path] = up.get(path)
    counted = check_counters(up, f"batch-{name}"), all_jobs(up, f"batch-{name}")
    return counted, {path: (answer.status, answer.data) for path, answer in answers.items()}


def both(up):
    return seen(up, "old"), seen(up, "new")


@pytest.fixture
def artifacts(tmp_path):
    return tmp_path / "one/data/artifacts"


@pytest.fixture
def lived(tmp_path, site, artifacts):
    """Two batches, of which the old one is archived; nothing is left to sweep."""
    with Up(tmp_path / "one", "ann", **without_pauses(site.port)) as up:
        live(up, site, "old")
        live(up, site, "new")
        assert up.post("/batches/batch-old/archive").status == 200
        age(artifacts)
        up.did("sweep")
        yield up


def test_readers_see_the_same_through_all_that_is_done(lived, other, artifacts, tmp_path):
    up, before = lived, both(lived)
    assert {status for status, _ in before[0][1].values()} == {200, 404}  # one is deleted
    check_sweep(up, artifacts)
    check_retire(up)
    assert both(up) == before
    refused = up.post("/job-old.1/restart")
    assert (refused.status, "is retired" in refused.json["message"]) == (409, True)
    check_sweep(up, artifacts)  # what was exported stays
    check_rebuild(up)
    assert both(up) == before

    assert up.stop() == 0
    check_sweep(up, artifacts)
    assert up.did("rebuild").startswith(f"rebuilt {2 * (JOBS - 1)} jobs and 2 batches from ")
    is_right(up)
    backup = tmp_path / "backup"
    assert "backed up the log up to event " in up.did("backup", backup)
    assert "(0 of them new)" in up.did("backup", backup)
    assert up.servers() == []
    check_restore(other, backup)
    other.start()
    eventually("documents", 30, lambda: other.get("/batches/batch-new").status == 200)
    assert both(other) == before
    is_right(other)

    up.start()
    assert up.delete("/batches/batch-old").status == 200
    for path in ("/batches/batch-old", "/batches/batch-old/history", "/jobs/job-old.1"):
        assert up.get(path).status == 404
    age(artifacts)
    named = len(blobs(artifacts))
    up.did("sweep")
    assert named - len(blobs(artifacts)) >= 3  # the export, and what the jobs had
    assert seen(up, "new") == before[1]
    is_right(up)


def blobs(artifacts):
    return {blob.name for blob in artifacts.glob("blobs/*/*/*")}


def check_sweep(up, artifacts):
    """What nobody refers to goes, and nothing else."""
    needless = leave(artifacts, b"of an attempt that came too late")
    age(artifacts)
    assert up.did("sweep", "--dry-run").startswith("would remove 1 blobs, 32 bytes (0.0")
    assert needless.exists()
    assert up.did("sweep").startswith("removed 1 blobs, 32 bytes (0.0")
    assert not needless.exists()


def check_retire(up):
    """Nothing is retired until something is old enough, and then once."""
    nothing = "retired 0 batches and 0 of their events\n"
    code, _, err = up.ran("retire")
    assert (code, "--older-than DAYS, or EVENTJOB_RETENTION_DAYS" in err) == (2, True)
    assert up.did("retire", EVENTJOB_RETENTION_DAYS="1") == nothing
    said = up.did("retire", "--older-than", "0", "--dry-run")
    assert said.splitlines()[-1] == "would retire 1 batches"
    assert up.did("retire", "--older-than", "0").startswith("retired 1 batches and ")
    assert up.did("retire", "--older-than", "0") == nothing


# a field of a document, what it is changed to by hand, and what is said of it
BY_HAND = {
    "job-new.1": ("status", "failed", 'the document says "failed", the log says "comp'),
    "job-new.3": ("log", [], "the document says [], the log says [{"),
    "job-new.4": ("tries", 4, "the document says 4, the log says 0"),
}


def check_rebuild(up):
    """What was changed by hand is named, and mended while others read."""

    def by_hand(job):
        field, value, _ = BY_HAND[job["job_id"]]
        return job | {field: value}

    alter(up, BY_HAND, by_hand)
    alter(up, ["job-new.5"], lambda _: None)
    code, out, err = up.ran("rebuild", "--check")
    assert (code, out.endswith(": 4 differences\n")) == (1, True), (out, err)
    for job_id, (field, _, said) in BY_HAND.items():
        assert f"job {job_id}: {field}: {said}" in out
    assert "job job-new.5: is missing: the log has" in out
    assert "`eventjob rebuild` repairs them" in err
    over = Event()
    with ThreadPoolExecutor(2) as pool:
        readers = [pool.submit(hammer, up, over) for _ in range(2)]
        try:
            assert "switched, readers see them now" in up.did("rebuild")
        finally:
            over.set()
        assert all(reader.result() > 3 for reader in readers)
    is_right(up)
    alter(up, ["job-new.1"], lambda _: b"{")
    code, out, err = up.ran("rebuild", "--check")
    assert (code, out, "a stored document is unreadable" in err) == (1, "", True), (out, err)
    up.did("rebuild")
    is_right(up)


def alter(up, job_ids, change):
    """Change documents in the file; what becomes None is removed."""
    with closing(sqlite3.connect(up.data / "projection.db")) as file, file:
        names = file.execute("SELECT name FROM sqlite_master WHERE type='table'")
        (table,) = [name for (name,) in names if name.startswith("jobs_documents")]
        for position, text in file.execute(f"SELECT * FROM {table}").fetchall():  # noqa: S608
            job = json.loads(text)
            if job["job_id"] not in job_ids:
                continue
            new = change(job)
            if new is None:
                file.execute(f"DELETE FROM {table} WHERE position = ?", [position])  # noqa: S608
                continue
            new = new if isinstance(new, bytes) else json.dumps(new, separators=(",", ":")).encode()
            statement = f"UPDATE {table} SET document = ? WHERE position = ?"  # noqa: S608
            file.execute(statement, [new, position])


def hammer(up, over):
    """Read, one by one and in lists, until it is over; how often."""
    count = 0
    while not over.is_set():
        answers = [
            up.get(path)
            for path in ("/jobs/job-new.6", "/batches/batch-new", "/jobs?batch_id=batch-new")
        ]
        assert [answer.status for answer in answers] == [200] * 3
        assert answers[1].json["batch"]["total_jobs"] == JOBS - 1
        assert answers[2].json["total"] in {JOBS - 1, JOBS - 2}  # one is missing at first
        count += 1
    return count


def check_restore(other, backup):
    """A whole backup becomes a deployment, once; of a broken one nothing is restored."""
    broken = backup.with_name("broken")
    shutil.copytree(backup, broken)
    file = max(path for path in broken.glob("blobs/*/*/*") if path.stat().st_size)
    file.write_bytes(file.read_bytes() + b"x")
    code, out, err = other.ran("restore", broken)
    assert (code, out, f"{file.relative_to(broken)} has " in err) == (1, "", True)
    assert "is whole" in other.did("restore", backup, "--verify")
    assert not other.data.exists()
    assert "restored the log up to event " in other.did("restore", backup)
    assert other.servers() == []
    code, _, err = other.ran("restore", backup)
    assert (code, "Traceback" in err) == (1, False)
    assert f"{other.data} is not empty (EVENTS up to " in err


def test_without_an_event_log_a_rebuild_says_so_and_makes_nothing(tmp_path):
    up = Up(tmp_path / "up")
    for folder in (tmp_path / "up/none", tmp_path / "up/empty"):
        (tmp_path / "up/empty").mkdir(exist_ok=True)
        for arguments in ([], ["--check"]):
            said = up.ran("rebuild", *arguments, EVENTJOB_DATA_DIR=str(folder))
            reason = f"eventjob rebuild: there is no event log in data folder {folder}\n"
            assert said == (1, "", reason)
    assert [*up.folder.iterdir()] == [up.folder / "empty"]
    assert [*(up.folder / "empty").iterdir()] == []
