"""`eventjob sweep` on what runs and on what is stopped."""

from deployment import Up, eventually, without_pauses
from old_blobs import age, leave
from pages import Site

ANN = {"X_User_ID": "ann"}


def test_what_nobody_refers_to_goes_and_everything_else_can_still_be_had(tmp_path):
    with Site() as site, Up(tmp_path, **without_pauses(site.port)) as up:
        artifacts = up.folder / "data" / "artifacts"
        parameters = {"event": "E", "session": "one", "track": "T", "filename": "one.md"}
        parameters["url"] = f"{site.url}/one"
        body = {"batch_id": "x", "jobs": [{"parameters": parameters}]}
        posted = up.post("/batches", body, **ANN)
        assert posted.status == 201, posted
        up_to = "/jobs/job-x.1"
        eventually(
            "the job's end",
            60,
            lambda: up.get(up_to, **ANN).json["job"]["status"] == "completed",
        )
        zipped = up.get(f"{up_to}/download-archive", **ANN).data
        needless = leave(artifacts, b"of an attempt that came too late")
        age(artifacts)
        code, out, err = up.ran("sweep", "--dry-run")
        assert (code, out[:35]) == (0, "would remove 1 blobs, 32 bytes (0.0"), (out, err)
        assert needless.exists()
        code, out, err = up.ran("sweep")
        assert (code, out[:30]) == (0, "removed 1 blobs, 32 bytes (0.0"), (out, err)
        assert not needless.exists()
        assert up.get(f"{up_to}/download-archive", **ANN).data == zipped
        assert up.stop() == 0
        needless = leave(artifacts, b"another one")
        age(artifacts)
        code, out, err = up.ran("sweep")
        assert (code, "removed 1 blobs, 11 bytes" in out) == (0, True), (out, err)
        assert not needless.exists()
