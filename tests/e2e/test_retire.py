"""`eventjob retire` on a deployment, and what backup, sweep and rebuild make of a filed batch."""

import shutil

from deployment import Up, eventually, without_pauses
from old_blobs import age, leave
from pages import Site

ANN = {"X_User_ID": "ann"}


def live(up, site, name, jobs=4):
    """A batch that is completed, in which a job was deleted and another one restarted."""
    parameters = {"event": "E", "track": "T"}
    body = {
        "batch_id": f"batch-{name}",
        "jobs": [
            {
                "parameters": parameters
                | {"session": f"s{n}", "filename": f"s{n}.md", "url": f"{site.url}/{name}-{n}"}
            }
            for n in range(jobs)
        ],
    }
    assert up.post("/batches", body, **ANN).status == 201
    completed(up, name)
    assert up.delete(f"/jobs/job-{name}.2", **ANN).status == 200
    assert up.post(f"/job-{name}.1/restart", **ANN).status == 200
    completed(up, name)


def completed(up, name):
    path = f"/batches/batch-{name}"
    eventually(
        "the batch's end",
        60,
        lambda: up.get(path, **ANN).json["batch"]["status"] == "completed",
    )


def seen(up, name, jobs=4):
    """All that a reader can have of a batch."""
    paths = [f"/batches/batch-{name}", f"/batches/batch-{name}/history"]
    for n in [*range(1, jobs + 1)]:
        job = f"/jobs/job-{name}.{n}"
        paths += [job, f"{job}/history", f"{job}/download-archive"]
    answers = {path: up.get(path, **ANN) for path in paths}
    first = min(e["seq"] for e in answers[f"/batches/batch-{name}/history"].json["events"])
    for sequence in range(first, first + 12, 3):
        path = f"/jobs/job-{name}.1?as_of={sequence}"
        answers[path] = up.get(path, **ANN)
    return {path: (answer.status, answer.data) for path, answer in answers.items()}


def test_a_filed_batch_reads_as_before_through_backup_sweep_and_rebuild(tmp_path):
    with Site() as site, Up(tmp_path, **without_pauses(site.port)) as up:
        for name in ("old", "new"):
            live(up, site, name)
        assert up.post("/batches/batch-old/archive", **ANN).status == 200
        before = {name: seen(up, name) for name in ("old", "new")}
        assert {status for status, _ in before["old"].values()} == {200, 404}  # one is deleted

        artifacts = up.folder / "data" / "artifacts"
        age(artifacts)
        assert up.ran("sweep")[0] == 0  # what the deleted and the restarted jobs left

        check_what_is_filed(up)
        code, out, err = up.ran("retire", "--older-than", "0")
        assert (code, out[:20]) == (0, "filed 1 batches and "), (out, err)
        assert up.ran("retire", "--older-than", "0")[1] == "filed 0 batches and 0 of their events\n"
        assert {name: seen(up, name) for name in ("old", "new")} == before

        leave(artifacts, b"of nobody")
        age(artifacts)
        code, out, err = up.ran("sweep")
        assert (code, out[:16]) == (0, "removed 1 blobs,"), (out, err)
        assert up.ran("rebuild", "--check")[0] == 0
        code, out, err = up.ran("rebuild")
        assert code == 0, (out, err)
        assert {name: seen(up, name) for name in ("old", "new")} == before
        backup = tmp_path / "backup"
        code, out, err = up.ran("backup", str(backup))
        assert code == 0, (out, err)
        refused = up.post("/job-old.1/restart", **ANN)
        assert (refused.status, "is retired" in refused.json["message"]) == (409, True)

        other = tmp_path / "other"
        other.mkdir()
        with Up(other, **without_pauses(site.port)) as again:
            assert again.stop() == 0
            shutil.rmtree(other / "data")
            code, out, err = again.ran("restore", str(backup))
            assert code == 0, (out, err)
            again.start()
            eventually(
                "the documents", 30, lambda: again.get("/batches/batch-new", **ANN).status == 200
            )
            assert {name: seen(again, name) for name in ("old", "new")} == before
            assert again.ran("rebuild", "--check")[0] == 0

        assert up.delete("/batches/batch-old", **ANN).status == 200
        assert {status for status, _ in gone(up).values()} == {404}
        age(artifacts)
        named = blobs(artifacts)
        code, out, err = up.ran("sweep")
        assert code == 0, (out, err)
        assert len(named) - len(blobs(artifacts)) >= 3  # the export, and what the jobs had
        assert seen(up, "new") == before["new"]
        assert up.ran("rebuild", "--check")[0] == 0


def check_what_is_filed(up):
    """Nothing is, until something is old enough."""
    assert up.ran("retire")[0] == 2
    assert "--older-than DAYS, or EVENTJOB_RETENTION_DAYS" in up.ran("retire")[2]
    code, out, err = up.ran("retire", EVENTJOB_RETENTION_DAYS="1")
    assert (code, out) == (0, "filed 0 batches and 0 of their events\n"), err
    code, out, err = up.ran("retire", "--older-than", "0", "--dry-run")
    assert (code, out.splitlines()[-1]) == (0, "would file 1 batches"), err


def gone(up):
    paths = ["/batches/batch-old", "/batches/batch-old/history", "/jobs/job-old.1"]
    answers = {path: up.get(path, **ANN) for path in paths}
    return {path: (answer.status, answer.data) for path, answer in answers.items()}


def blobs(artifacts):
    return {blob.name for blob in artifacts.glob("blobs/*/*/*")}
