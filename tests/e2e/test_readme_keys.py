"""The commands of the README's "Who is asking", run as written."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from deployment import Up

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"^## Who is asking\n.*?^```sh\n(.*?)^```", re.DOTALL | re.MULTILINE)
WITHIN_S = 60


@pytest.fixture
def commands():
    """The lines of the block, without their comments."""
    found = BLOCK.search((ROOT / "README.md").read_text())
    return [line.partition("  #")[0].rstrip() for line in found[1].splitlines()]


def run(command, folder):
    bin_folder = str(Path(sys.executable).parent)
    done = subprocess.run(
        ["/bin/bash", "-c", command.replace(".venv/bin", bin_folder)],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=WITHIN_S,
        check=False,
    )
    assert done.returncode == 0, (command, done.stderr)
    return done.stdout


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl on this machine")
def test_keys_are_made_used_listed_and_revoked_as_it_says(tmp_path, commands):
    making = [command for command in commands if " key new " in command]
    *_, starting, asking = commands
    keys = [run(command, tmp_path).strip() for command in making]
    assert [line.split("\t")[1] for line in listed(tmp_path)] == ["ann", "portal", "ops"]
    assert [line.split("\t")[2:] for line in listed(tmp_path)] == [
        [],
        ["acts for others"],
        ["administers", "500/s"],
    ]
    setting, value = starting.split()[0].split("=")
    with Up(tmp_path, **{setting: value}) as up:
        written = asking.replace("localhost:5000", f"127.0.0.1:{up.port}")
        for key in keys:
            assert '"status":"success"' in run(written.replace("ej_…", key), tmp_path)
        assert '"error_type":"unauthenticated"' in run(written.replace("ej_…", "ej_x"), tmp_path)
        assert_acts_for_others(up, keys)
    run(f".venv/bin/eventjob key revoke {keys[0].split('_')[1]} --file keys.jsonl", tmp_path)
    assert [line.split("\t")[1] for line in listed(tmp_path)] == ["portal", "ops"]


def listed(folder):
    return run(".venv/bin/eventjob key list --file keys.jsonl", folder).splitlines()


def assert_acts_for_others(up, keys):
    """Ann's job is seen by ann, by whom the portal acts for, and by who administers."""
    job = {"event": "E", "track": "T", "session": "S", "filename": "f", "url": "http://10.0.0.1/"}
    ann, portal, ops = ({"Authorization": f"Bearer {key}"} for key in keys)
    made = up.post("/jobs", {"parameters": job}, **ann).json["job"]
    path = f"/jobs/{made['job_id']}"
    statuses = [
        up.get(path, **headers).status
        for headers in (ann, portal, portal | {"X_User_ID": "ann"}, ops, {}, {"X_User_ID": "ann"})
    ]
    assert statuses == [200, 403, 200, 200, 401, 401]
