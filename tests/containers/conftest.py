"""What these suites run on, said loudly: Docker, or local processes."""

import pytest
from backing import DOCKER, IMAGES, mongo, nats


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
