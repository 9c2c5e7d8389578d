"""The compose deployment: its services killed in the middle of a batch, and what runs beside it.

Services are those of `deploy/compose.yaml`, with all its users, limits and read-only roots; the
commands and the subscriber are those of docs/deploy.md.
"""

import os
import subprocess
import time

import pytest
from backing import DOCKER
from deployment import Up, eventually, session
from documents import ROOT, only
from verify import all_jobs, check_completed, check_counters

from demo.containers import run_deployment

pytestmark = [
    pytest.mark.containers,
    pytest.mark.skipif(not DOCKER, reason="NO DOCKER ENGINE ANSWERS: no compose deployment"),
]

JOBS = 24
DELAY_S = 0.2  # between two requests to the deployment's site: a batch takes some time
DONE_WITHIN_S = 180
PAGES = (
    "2026/studio/one-button-six-plurals.html",
    "2026/studio/charts-for-two-metres.html",
    "2026/schedule/event/parsing-the-web-you-have/",
)
SERVICES = ("api", "projector", "scheduler", "processor", "archiver", "nats", "mongo")
KEYS = "/keys/keys.jsonl"
SUBSCRIBER = r"```python\n(import asyncio, json, os, nats\n.*?)```"
COMMAND = r"^(docker run .*? /subscriber\.py)$"


class Deployed(Up):
    """Talks to a deployment that is not its own to start and stop."""

    def __init__(self, port):
        self.root = f"http://127.0.0.1:{port}"
        self.url = f"{self.root}/api/event-job"
        self.who = {"X_User_ID": "ann"}


@pytest.fixture(scope="module")
def deployment():
    """All of `deploy/compose.yaml`, and a site."""
    settings = {"EVENTJOB_FETCH_DELAY_S": str(DELAY_S)}
    with run_deployment(f"eventjob-test-{os.getpid()}", settings) as deployment:
        yield deployment


@pytest.fixture
def up(deployment):
    return Deployed(deployment.client.port)


def job_of(deployment, n=0, query="", **more):
    url = f"{deployment.site_url}{PAGES[n % len(PAGES)]}{query}"
    return session(url, f"session-{n}", **more)


@pytest.mark.parametrize("service", SERVICES)
def test_a_batch_completes_although_a_service_dies_in_the_middle(deployment, up, service):
    more = {"event": f"Without {service}", "use_cache": False}
    jobs = [job_of(deployment, n, f"?{service}={n}", **more) for n in range(JOBS)]
    batch_id = f"without-{service}"
    up.submit(batch_id, jobs)

    def completed():
        return up.batch(batch_id)["completed_jobs"]

    def running():
        listed = deployment.compose("ps", "--status", "running", "--format", "{{.Service}}")
        return listed.split().count(service)

    eventually("the first jobs", 60, lambda: completed() >= 3)
    assert completed() < JOBS, f"too fast, with {DELAY_S} s between two requests"
    before = running()
    deployment.compose("kill", service)
    assert running() == 0
    time.sleep(1)
    began = time.monotonic()
    deployment.compose("up", "-d")
    eventually("all jobs", DONE_WITHIN_S, lambda: completed() == JOBS)
    took_s = time.monotonic() - began
    print(f"{service}: {before} killed, all done {took_s:.0f} s after its restart")
    eventually("readiness", 60, up.is_ready)
    assert running() == before
    assert check_counters(up, batch_id)["completed_jobs"] == JOBS
    for job in all_jobs(up, batch_id):
        check_completed(up, job)


def test_its_operator_checks_it_and_backs_it_up(deployment, tmp_path):
    tmp_path.chmod(0o777)  # the containers have a user of their own
    run = ("run", "--rm", "-T", "-v", f"{tmp_path}:/backups", "tools")
    assert "no difference" in deployment.compose(*run, "rebuild", "--check")
    deployment.compose(*run, "parked")
    deployment.compose(*run, "backup", "/backups")
    deployment.compose(*run, "restore", "/backups", "--verify")
    assert list(tmp_path.iterdir())


def test_a_subscriber_reads_what_happens(deployment, up, tmp_path):
    script, command = tmp_path / "subscriber.py", only(COMMAND)
    script.write_text(only(SUBSCRIBER))
    script.chmod(0o644)
    name = f"{deployment.project}-subscriber"
    for text, own in (
        ("eventjob_bus", f"{deployment.project}_bus"),
        ("--rm", f"--rm --name {name}"),
        ("$PWD/subscriber.py", str(script)),
    ):
        command = command.replace(text, own)
    up.submit("heard", [job_of(deployment)])
    printed = tmp_path / "printed"
    with printed.open("wb") as out:
        process = subprocess.Popen(["/bin/bash", "-c", command], cwd=ROOT, stdout=out, stderr=out)
    try:
        eventually("BatchCompleted", 60, lambda: ".b-heard BatchCompleted" in printed.read_text())
    finally:
        subprocess.run([DOCKER, "kill", name], check=False, capture_output=True)
        process.wait(30)


@pytest.fixture
def key(deployment):
    """A key of ann's, asked for; afterwards none is."""
    made = ("exec", "-T", "api", "eventjob", "key", "new", "--user", "ann", "--file", KEYS)
    printed = deployment.compose(*made)
    deployment.environ["EVENTJOB_API_KEYS_FILE"] = KEYS
    deployment.compose("up", "-d", "--wait")
    yield next(word for word in printed.split() if word.startswith("ej_"))
    del deployment.environ["EVENTJOB_API_KEYS_FILE"]
    deployment.compose("up", "-d", "--wait")


def test_a_request_without_a_key_is_refused(deployment, up, key):
    job, nobody = job_of(deployment), up.by(None)
    assert up.post("/jobs", job).status == 401
    assert nobody.get("/jobs", Authorization="Bearer ej_wrong").status == 401
    authorized = {"Authorization": f"Bearer {key}"}
    answer = nobody.post("/jobs", job, **authorized)
    assert answer.status == 201
    path = f"/jobs/{answer.json['job']['job_id']}"
    assert nobody.get(path, **authorized).json["job"]["user_id"] == "ann"
    assert up.get(path).status == 401
