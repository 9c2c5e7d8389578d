"""The store's whole contract on the MongoDB of an image, and the product on both images."""

import os
import re
import subprocess
import sys
from urllib.parse import urlsplit, urlunsplit

import pytest
from deployment import Up, eventually, without_pauses
from documents import ROOT
from logged_site import LoggedSite
from verify import all_jobs, check_completed, check_counters

pytestmark = pytest.mark.containers

ANN = {"X_User_ID": "ann"}
JOBS = 40


def test_the_store_keeps_its_whole_contract(mongo_url):
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "tests/contract", "-k", "mongodb"],
        env={**os.environ, "EVENTJOB_TEST_MONGO_URL": mongo_url},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-6000:]
    print(f"the contract of a store: {done.stdout.splitlines()[-1]}")
    (passed,) = re.findall(r"(\d+) passed", done.stdout)
    assert int(passed) >= 50


def test_a_batch_becomes_zips(tmp_path, nats_url, mongo_url):
    store = urlunsplit(urlsplit(mongo_url)._replace(path="/eventjob_batch"))
    bus = {"EVENTJOB_NATS_URL": nats_url, "EVENTJOB_STORE_URL": store}
    with LoggedSite() as site, Up(tmp_path, **bus, **without_pauses(site.port)) as up:
        assert "nats-server" not in up.children()
        jobs = [{"parameters": parameters(site, n)} for n in range(JOBS)]
        body = {"batch_id": "of-forty", "jobs": jobs}
        assert up.post("/batches", body, **ANN).status == 201

        def done():
            return up.get("/batches/of-forty", **ANN).json["batch"]["status"] != "processing"

        eventually("the batch", 120, done)
        assert check_counters(up, "of-forty", **ANN)["completed_jobs"] == JOBS
        for job in all_jobs(up, "of-forty", **ANN):
            check_completed(up, job, **ANN)


def parameters(site, n):
    return {
        "event": "Test Conference",
        "track": "Main",
        "session": f"Session {n}",
        "filename": f"session-{n}.md",
        "url": f"{site.url}/no-store/{n}",
    }
