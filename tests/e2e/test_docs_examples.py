"""The examples of README.md and docs/*.md, run as they are written, do what the pages say."""

import shutil
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import mongo_server
import pytest
from documents import PAGES, ROOT, Runner, paragraphs

EXAMPLES = [page for page in PAGES if paragraphs(page)]
RUNS = [
    *(pytest.param(page, None, id=page.name) for page in EXAMPLES),
    pytest.param(
        ROOT / "docs/api.md",
        mongo_server.url_for,
        marks=[mongo_server.needs_mongo, pytest.mark.long],
        id="on MongoDB",
    ),
]


class Quiet(SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass


@pytest.fixture
def site():
    handler = partial(Quiet, directory=str(ROOT / "demo/site"))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl on this machine")
@pytest.mark.parametrize(("page", "store"), RUNS)
def test_every_example_of_a_page_does_what_it_says(tmp_path, site, page, store):
    settings = {"EVENTJOB_STORE_URL": store(tmp_path)} if store else {}
    with Runner(tmp_path, site, EVENTJOB_FETCH_DELAY_S="0.05", **settings) as runner:
        for paragraph in paragraphs(page):
            runner.run(paragraph)


def test_the_pages_with_examples_are_found():
    names = {page.name for page in EXAMPLES}
    assert names == {"README.md", "quickstart.md", "api.md", "deploy.md", "operations.md"}
