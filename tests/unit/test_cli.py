"""The command line as a shell sees it: what is printed where, and the exit code."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tables import table

from services.cli import SERVICES, main

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


def test_help_names_every_command(capsys):
    with pytest.raises(SystemExit, match="0"):
        main(["--help"])
    first_words = {line.split()[0] for line in capsys.readouterr().out.splitlines() if line.strip()}
    assert first_words >= {"up", "rebuild", *SERVICES}


@table("arguments", [], ["down"], ["up", "now"], ["--quiet", "up"], ["up", "--check"])
def test_wrong_use_is_2(capsys, arguments):
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    said = capsys.readouterr()
    assert (ended.value.code, said.out) == (2, "")
    assert "usage: eventjob" in said.err


def test_wrong_settings_are_2_and_all_are_named():
    done = run("up", PORT="high", CONCURENCY="4")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "EVENTJOB_CONCURENCY is not a setting of eventjob\n"
        "EVENTJOB_PORT is 'high': expected a whole number, 0 to 65535\n"
    )


def test_starting_imports_nothing_that_only_a_service_needs():
    script = "import sys, services.cli; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    modules = set(done.stdout.decode().split())
    assert not modules & {"fastapi", "nats", "httpx2", "obstore", "sqlite3", "importlib.metadata"}


def test_a_key_is_shown_once_kept_as_a_hash_listed_and_revoked(tmp_path):
    path = str(tmp_path / "keys")
    made = run("key", "new", "--user", "ann", "--id", "k1", "--admin", "--file", path)
    assert (made.returncode, made.stderr) == (0, "")
    assert made.stdout.startswith("ej_k1_")
    assert made.stdout.strip() not in (tmp_path / "keys").read_text()
    assert (tmp_path / "keys").stat().st_mode & 0o777 == 0o600
    assert run("key", "list", API_KEYS_FILE=path).stdout == "k1\tann\tadministers\n"
    taken = run("key", "new", "--user", "eve", "--id", "k1", "--file", path)
    assert (taken.returncode, taken.stdout) == (2, "")
    assert "the id k1 is taken" in taken.stderr
    acting = ("--user", "portal", "--id", "k2", "--act-for-others", "--rate", "500/s")
    assert run("key", "new", *acting, "--file", path).returncode == 0
    listed = run("key", "list", "--file", path).stdout.splitlines()
    assert listed[1].split("\t") == ["k2", "portal", "acts for others", "500/s"]
    assert run("key", "revoke", "k2", "--file", path).returncode == 0
    assert run("key", "revoke", "k1", "--file", path).returncode == 0
    assert run("key", "list", "--file", path).stdout == ""
    assert run("key", "revoke", "k1", "--file", path).returncode == 2


@table(
    "arguments",
    ["list"],
    ["new", "--user", "*"],
    ["new", "--user", "ann", "--id", "No_Id"],
    ["new", "--user", "ann", "--rate", "often"],
    ["list", "--file", "/nowhere/keys"],
)
def test_a_wrong_key_command_says_what_was_expected(capsys, arguments):
    assert main(["key", *arguments]) == 2
    said = capsys.readouterr()
    assert (said.out, said.err.partition(": ")[0]) == ("", "eventjob key")


def test_a_broken_file_of_keys_stops_the_api(tmp_path):
    (tmp_path / "keys").write_text("\nnonsense\n")
    done = run("api", API_KEYS_FILE=str(tmp_path / "keys"))
    assert done.returncode == 2
    assert f"EVENTJOB_API_KEYS_FILE: {tmp_path / 'keys'}, line 2: expected " in done.stderr
