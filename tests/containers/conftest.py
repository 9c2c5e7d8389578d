"""Where these suites run, said loudly."""

import os

import pytest
from backing import DELAY_S, DOCKER, IMAGES, mongo, nats

from demo.containers import run_deployment


def pytest_report_header():
    if DOCKER:
        return f"containers: {IMAGES}"
    return (
        "NO DOCKER ENGINE ANSWERS: what can be is tested on local processes, all else is skipped"
        " (deploy/airgapped/engine.sh start brings Debian's engine)"
    )


@pytest.fixture(scope="session")
def nats_url(tmp_path_factory):
    with nats(tmp_path_factory.mktemp("nats")) as url:
        yield url


@pytest.fixture(scope="session")
def mongo_url():
    with mongo() as url:
        yield url


@pytest.fixture(scope="session")
def deployment():
    """All of `deploy/compose.yaml`, and a site."""
    settings = {"EVENTJOB_FETCH_DELAY_S": str(DELAY_S)}
    with run_deployment(f"eventjob-test-{os.getpid()}", settings) as deployment:
        yield deployment
