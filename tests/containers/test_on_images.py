"""The store's whole contract on the MongoDB of an image, and the product on both images."""

import os
import re
import subprocess
import sys
from urllib.parse import urlsplit, urlunsplit

import pytest
from deployment import Up, session, without_pauses
from documents import ROOT
from logged_site import LoggedSite
from verify import all_jobs, check_completed, check_counters

pytestmark = pytest.mark.containers

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
    with LoggedSite() as site, Up(tmp_path, "ann", **bus, **without_pauses(site.port)) as up:
        assert "nats-server" not in up.children()
        jobs = [session(f"{site.url}/no-store/{n}", f"session-{n}") for n in range(JOBS)]
        up.submit("of-forty", jobs)
        up.finish("of-forty")
        assert check_counters(up, "of-forty")["completed_jobs"] == JOBS
        for job in all_jobs(up, "of-forty"):
            check_completed(up, job)
