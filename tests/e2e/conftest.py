"""What end-to-end tests share: one `eventjob up`, and the site whose sessions it fetches."""

import pytest
from deployment import Up, eventually, without_pauses
from pages import Site


@pytest.fixture(scope="session")
def site():
    with Site() as site:
        yield site


@pytest.fixture(scope="session")
def shared_up(tmp_path_factory, site):
    folder = tmp_path_factory.mktemp("shared")
    (folder / "store").mkdir()
    settings = {
        **without_pauses(site.port),
        "EVENTJOB_STORE_URL": f"sqlite://{folder}/store/projection.db",
        "EVENTJOB_RETRY_BASE_S": "0.2",
        "EVENTJOB_CONCURRENCY": "8",
    }
    with Up(folder, "ann", **settings) as up:
        yield up


@pytest.fixture
def up(shared_up):
    """What is done to it is over when a test ends."""
    yield shared_up
    eventually("all to be well", 60, shared_up.is_ready)


@pytest.fixture
def held(site):
    """The site answers nothing until the test lets it; nothing can be finished meanwhile."""
    site.hold.clear()
    yield site
    site.hold.set()


@pytest.fixture
def other(tmp_path, site):
    """Another deployment, of which nothing is started yet."""
    other = Up(tmp_path / "two", "ann", **without_pauses(site.port))
    yield other
    if other.process is not None:
        other.stop()
