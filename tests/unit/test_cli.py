"""The command line as a shell sees it: what is printed where, and the exit code."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from services.cli import SERVICES

EVENTJOB = Path(sys.executable).with_name("eventjob")


def run(*arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("EVENTJOB_")}
    environ = inherited | {f"EVENTJOB_{name}": value for name, value in settings.items()}
    return subprocess.run(
        [EVENTJOB, *arguments], env=environ, capture_output=True, text=True, check=False
    )


def test_the_version_is_printed():
    done = run("--version")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("eventjob 0.")


def test_help_names_every_command():
    done = run("--help")
    assert done.returncode == 0
    first_words = {line.split()[0] for line in done.stdout.splitlines() if line.strip()}
    assert first_words >= {"up", "rebuild", *SERVICES}


@pytest.mark.parametrize(
    "arguments", [[], ["down"], ["up", "now"], ["--quiet", "up"], ["up", "--check"]]
)
def test_wrong_use_is_2(arguments):
    done = run(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert "usage: eventjob" in done.stderr


def test_wrong_settings_are_2_and_all_are_named():
    done = run("up", PORT="high", CONCURENCY="4")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "EVENTJOB_CONCURENCY is no setting of eventjob\n"
        "EVENTJOB_PORT is 'high': expected a whole number, 0 to 65535\n"
    )


def test_starting_imports_nothing_that_only_a_service_needs():
    script = "import sys, services.cli; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    modules = set(done.stdout.decode().split())
    assert not modules & {"fastapi", "nats", "httpx2", "obstore", "sqlite3", "importlib.metadata"}
