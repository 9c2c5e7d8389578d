"""What must be true of every batch, job and ZIP at the end, whatever happened on the way."""

import hashlib
import io
import json
import zipfile
from collections import Counter
from typing import Any

from deployment import Up

STATUSES = ("pending", "processing", "completed", "failed")


def check_zip(data: bytes) -> dict[str, bytes]:
    """The members of a ZIP that opens, whose bytes are what its manifest says."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        members = {name: archive.read(name) for name in archive.namelist()}
    manifest = json.loads(members["manifest.json"])
    assert manifest["schema"] == "event-session-archive/1"
    assert {file["path"] for file in manifest["files"]} == set(members) - {"manifest.json"}
    for file in manifest["files"]:
        content = members[file["path"]]
        assert len(content) == file["bytes"], file
        assert hashlib.sha256(content).hexdigest() == file["sha256"], file
    return members


def all_jobs(up: Up, batch_id: str, **headers: str) -> list[dict[str, Any]]:
    """Every job of a batch, page by page, with an exact total on each page."""
    jobs: list[dict[str, Any]] = []
    while True:
        path = f"/jobs?batch_id={batch_id}&limit=200&skip={len(jobs)}&order=asc"
        page = up.patiently("GET", path, **headers).json
        jobs += page["jobs"]
        if len(jobs) >= page["total"] or not page["jobs"]:
            assert len(jobs) == page["total"] == len({job["job_id"] for job in jobs})
            return jobs


def check_counters(up: Up, batch_id: str, **headers: str) -> dict[str, Any]:
    """The batch, whose counters are what its jobs say, one by one and in each list's total."""
    batch = up.patiently("GET", f"/batches/{batch_id}", **headers).json["batch"]
    counted = Counter(job["status"] for job in all_jobs(up, batch_id, **headers))
    for status in STATUSES:
        assert batch[f"{status}_jobs"] == counted[status], (batch, counted)
        listed = up.patiently(
            "GET", f"/jobs?batch_id={batch_id}&status={status}&limit=0", **headers
        )
        assert listed.json["total"] == counted[status]
    assert batch["total_jobs"] == sum(counted.values())
    return batch


def check_history(up: Up, job_id: str, **headers: str) -> list[str]:
    """The types of a job's history, in which every attempt that started ended exactly once."""
    events = up.patiently("GET", f"/jobs/{job_id}/history", **headers).json["events"]
    assert [e["seq"] for e in events] == sorted({e["seq"] for e in events})
    types = [event["type"] for event in events]
    assert types[0] == "job_submitted", types
    assert types.count("job_completed") + types.count("job_failed") == 1, types
    started = [event["attempt"] for event in events if event["type"] == "job_started"]
    assert len(started) == len(set(started)), events
    return types


def check_completed(up: Up, job: dict[str, Any], **headers: str) -> None:
    """A completed job's history, its ZIP and its Markdown."""
    job_id = job["job_id"]
    assert job["status"] == "completed", job
    assert check_history(up, job_id, **headers)[-1] == "job_completed"
    archive = up.patiently("GET", f"/jobs/{job_id}/download-archive", **headers)
    assert archive.status == 200
    members = check_zip(archive.data)
    markdown = job["results"]["markdown_file"].removeprefix(f"{job_id}/")
    assert members[markdown].startswith(b"---\n")


def is_right(up: Up) -> None:
    """The projection is what the log says."""
    assert up.did("rebuild", "--check").endswith(": no difference\n")
