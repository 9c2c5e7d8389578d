"""Any service of the compose deployment is killed in the middle of a batch, and started again.

What is killed is that of `deploy/compose.yaml`, with all its users, limits and read-only roots.
"""

import time

import pytest
from backing import DELAY_S, DOCKER, Deployed
from deployment import eventually
from verify import all_jobs, check_completed, check_counters

pytestmark = [
    pytest.mark.containers,
    pytest.mark.skipif(not DOCKER, reason="NO DOCKER ENGINE ANSWERS: no compose deployment"),
]

ANN = {"X_User_ID": "ann"}
JOBS = 24
DONE_WITHIN_S = 180
PAGES = (
    "2026/studio/one-button-six-plurals.html",
    "2026/studio/charts-for-two-metres.html",
    "2026/schedule/event/parsing-the-web-you-have/",
)
SERVICES = ("api", "projector", "scheduler", "processor", "archiver", "nats", "mongo")


def parameters(deployment, service, n):
    return {
        "event": f"Without {service}",
        "track": "Main",
        "session": f"Session {n}",
        "filename": f"session-{n}.md",
        "url": f"{deployment.site_url}{PAGES[n % len(PAGES)]}?{service}={n}",
        "use_cache": False,
    }


def running(deployment):
    printed = deployment.compose("ps", "--status", "running", "--format", "{{.Service}}")
    return printed.split().count


@pytest.mark.parametrize("service", SERVICES)
def test_a_batch_completes_although_a_service_dies_in_the_middle(deployment, service):
    up = Deployed(deployment.client.port)
    jobs = [{"parameters": parameters(deployment, service, n)} for n in range(JOBS)]
    body = {"batch_id": f"without-{service}", "jobs": jobs}
    batch_id = up.patiently("POST", "/batches", body, **ANN).json["batch"]["batch_id"]

    def completed():
        batch = up.patiently("GET", f"/batches/{batch_id}", **ANN).json["batch"]
        return batch["completed_jobs"]

    eventually("the first jobs", 60, lambda: completed() >= 3)
    assert completed() < JOBS, f"too fast, with {DELAY_S} s between two requests"
    before = running(deployment)(service)
    deployment.compose("kill", service)
    assert running(deployment)(service) == 0
    time.sleep(1)
    begun = time.monotonic()
    deployment.compose("up", "-d")
    eventually("all jobs", DONE_WITHIN_S, lambda: completed() == JOBS)
    print(
        f"{service}: {before} killed, all done {time.monotonic() - begun:.0f} s after its restart"
    )
    eventually("readiness", 60, up.is_ready)
    assert running(deployment)(service) == before
    assert check_counters(up, batch_id, **ANN)["completed_jobs"] == JOBS
    for job in all_jobs(up, batch_id, **ANN):
        check_completed(up, job, **ANN)
