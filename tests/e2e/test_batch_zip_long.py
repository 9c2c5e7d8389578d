"""A thousand sessions with slides of a megabyte in one ZIP: `EVENTJOB_TEST_LONG=1` has it built."""

import hashlib
import itertools
import json
import os
import random
import shutil
import subprocess
import time
import zipfile
from pathlib import Path

import pytest
from deployment import Up, eventually, session, without_pauses
from pages import Site, pdf

SESSIONS = 1000
SLIDES_BYTES = 1_000_000
ARCHIVE = "/batches/big/download-archive"
DONE_WITHIN_S = 900
MOST_GROWTH_MB = 48

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(not os.environ.get("EVENTJOB_TEST_LONG"), reason="only when there is time"),
    pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl on this machine"),
]


class BigSite(Site):
    """Each session has slides of its own, always the same."""

    def answer(self, path):
        if not path.endswith(".pdf"):
            return super().answer(path)
        return 200, "application/pdf", pdf(path, random.Random(path).randbytes(SLIDES_BYTES))


@pytest.fixture
def site():
    with BigSite() as site:
        yield site


@pytest.fixture
def up(tmp_path, site):
    with Up(tmp_path, "docs-team", **without_pauses(site.port)) as up:
        yield up


def sessions(site):
    for n in range(SESSIONS):
        url = f"{site.url}/session-{n}/"
        more = {"filename": f"session-{n % 900}", "attachments_url": f"{url}slides.pdf"}
        of = {"event": "Big Conference", "track": f"Track {n % 20}"}
        yield session(url, f"Session {n}", **more, **of)


def head(up):
    """Status and ETag, without the bytes; asks for the ZIP, too."""
    answer = up.request("HEAD", ARCHIVE, None, {})
    return answer.status, answer.headers.get("etag", "").strip('"')


def built(up, within_s=300):
    """The sha256 of the ZIP and the seconds until it was there."""
    begun = time.monotonic()
    eventually("the ZIP", within_s, lambda: head(up)[0] == 200)
    return head(up)[1], time.monotonic() - begun


def peak_kb(pid):
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


def forget_peak(pid):
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def download(up, target, *more):
    command = ["curl", "-sf", *more, "-H", "X-User-ID: docs-team", "-o", str(target)]
    done = subprocess.run([*command, f"{up.url}{ARCHIVE}"], timeout=300, check=False)
    return done.returncode


def digest(path):
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check(path):
    """Every member is whole, and what the manifest says, and the index links to each session."""
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        manifest = json.loads(archive.read("manifest.json"))["files"]
        assert {file["path"] for file in manifest} == {*archive.namelist()} - {"manifest.json"}
        for file in manifest:
            with archive.open(file["path"]) as member:
                assert hashlib.file_digest(member, "sha256").hexdigest() == file["sha256"]
        assert len(manifest) == 2 * SESSIONS + 1
        assert archive.read("README.md").count(b"](Big%20Conference/") == SESSIONS


def test_a_thousand_sessions_with_slides(up, site, tmp_path):
    begun = time.monotonic()
    up.submit("big", [*sessions(site)], batch_name="Big")
    assert up.finish("big", DONE_WITHIN_S)["completed_jobs"] == SESSIONS
    print(f"\n{SESSIONS} sessions were done in {time.monotonic() - begun:.0f} s")

    (archiver,) = up.children()["archiver"]
    forget_peak(archiver)
    before = peak_kb(archiver)
    sha256, took = built(up)
    growth_mb = (peak_kb(archiver) - before) / 1024
    print(
        f"built in {took:.1f} s; the archiver had {before / 1024:.0f} MB and {growth_mb:.1f} more"
    )
    assert growth_mb < MOST_GROWTH_MB

    target = tmp_path / "big.zip"
    assert download(up, target) == 0
    assert digest(target) == sha256
    check(target)
    size = target.stat().st_size
    os.truncate(target, size // 2)
    assert download(up, target, "-C", "-") == 0
    assert digest(target) == sha256
    print(f"{size / 1e6:.0f} MB, whole, also when the second half came by itself")

    assert up.post("/jobs/job-big.1/restart").status == 200
    up.finish("big", DONE_WITHIN_S)
    assert head(up)[0] == 409
    eventually("it to be under way", 60, lambda: any(parts(up)))
    assert up.kill("archiver")
    again, took = built(up)
    print(f"killed while it built it again, it had the same bytes after {took:.1f} s")
    assert again == sha256
    assert not any(parts(up)), "something is left in the working folder"


def parts(up):
    """ZIPs under way, of at least a hundred megabytes."""
    found = itertools.chain((up.folder / "data/work").glob("*/*/archive.zip"))
    return [path for path in found if path.stat().st_size > 100e6]
