"""Every curl of the README, run as written, answers with the status that the README says."""

import re
import shutil
import subprocess
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from deployment import Up, eventually
from stores import STORES, store_url

ROOT = Path(__file__).parents[2]
EXAMPLE = re.compile(r"# (\d{3})\n(curl .*?)(?=\n\n|\n```)", re.DOTALL)


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


def examples():
    return EXAMPLE.findall((ROOT / "README.md").read_text())


def run(command, cwd):
    out = cwd / "body"
    silent = "" if " -o " in command else f" -o {out}"
    done = subprocess.run(
        ["/bin/bash", "-c", f"{command}{silent} -w '%{{http_code}}'"],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.stdout, out.read_text(errors="replace") if out.exists() else ""


def harbour(up):
    return up.get("/batches/harbour", X_User_ID="docs").json["batch"]


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl on this machine")
@pytest.mark.parametrize("kind", STORES)
def test_every_curl_of_the_readme_answers_as_it_says(tmp_path, site, kind):
    settings = {
        "EVENTJOB_STORE_URL": store_url(kind, tmp_path),
        "EVENTJOB_FETCH_ALLOW": f"127.0.0.1/32:{site}",
        "EVENTJOB_FETCH_DELAY_S": "0.05",
    }
    assert len(examples()) >= 12
    with Up(tmp_path, **settings) as up:
        for number, (status, written) in enumerate(examples()):
            command = written.replace("localhost:5000", f"127.0.0.1:{up.port}")
            got, body = run(command.replace("127.0.0.1:8301", f"127.0.0.1:{site}"), tmp_path)
            assert got == status, (command, body)
            if number == 0:
                eventually("the batch", 60, lambda: harbour(up)["status"] != "processing")
                assert harbour(up)["completed_jobs"] == 2, up.get("/jobs", X_User_ID="docs").json
