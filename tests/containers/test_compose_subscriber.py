"""The subscriber of docs/deploy.md, started beside the compose deployment by its command."""

import subprocess

import pytest
from backing import DOCKER, Deployed
from deployment import eventually
from documents import ROOT, only

pytestmark = [
    pytest.mark.containers,
    pytest.mark.skipif(not DOCKER, reason="NO DOCKER ENGINE ANSWERS: no compose deployment"),
]

CODE = r"```python\n(import asyncio, json, os, nats\n.*?)```"
COMMAND = r"^(docker run .*? /subscriber\.py)$"
ANN = {"X_User_ID": "ann"}


def test_a_subscriber_reads_what_happens(deployment, tmp_path):
    code, command = only(CODE), only(COMMAND)
    script = tmp_path / "subscriber.py"
    script.write_text(code)
    script.chmod(0o644)
    network = f"{deployment.project}_bus"
    name = f"{deployment.project}-subscriber"
    command = command.replace("eventjob_bus", network).replace("--rm", f"--rm --name {name}")
    command = command.replace("$PWD/subscriber.py", str(script))
    up = Deployed(deployment.client.port)
    job = {"event": "E", "session": "S", "filename": "f.md", "track": "T"}
    job["url"] = f"{deployment.site_url}2026/studio/one-button-six-plurals.html"
    body = {"batch_id": "heard", "jobs": [{"parameters": job}]}
    assert up.patiently("POST", "/batches", body, **ANN).status == 201
    printed = tmp_path / "printed"
    with printed.open("wb") as out:
        process = subprocess.Popen(["/bin/bash", "-c", command], cwd=ROOT, stdout=out, stderr=out)
    try:
        eventually("BatchCompleted", 60, lambda: ".b-heard BatchCompleted" in printed.read_text())
    finally:
        subprocess.run([DOCKER, "kill", name], check=False, capture_output=True)
        process.wait(30)
