"""Apply each fault of mutants.toml to a copy of the checkout, where the tests it names must fail.

A fault is caught if pytest ends with a failed test. Tests catch nothing if they cannot be
collected, if none of them is run, or if they do not end in time: a busy machine would catch all.

Run it as ``make mutants``, or ``make mutants ONLY=word`` for those with that word in their names.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
AT_ONCE = 2
LIMIT_S = 120.0  # for the tests of one fault; each takes some seconds
ALL_LIMIT_S = 600.0
FAILED = 1  # how pytest ends where a test failed
PLACES = "import eventjob, services; print(eventjob.__file__, services.__file__)"
NOT_COPIED = (".", "data", "demo-data")  # what names at the top of a checkout begin with


class Mutant(NamedTuple):
    """A fault: ``before``, which stands once in ``file``, becomes ``after``."""

    name: str
    file: str
    before: str
    after: str
    tests: list[str]


class Ended(NamedTuple):
    """How a run of tests ended; ``code`` is None where it took too long."""

    code: int | None
    output: str


def copied(folder: Path) -> Path:
    """A copy of the checkout, the environment apart."""
    folder.mkdir()
    for entry in ROOT.iterdir():
        if entry.name.startswith(NOT_COPIED):
            continue
        if entry.is_dir():
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(entry, folder / entry.name, ignore=ignored)
        else:
            shutil.copy2(entry, folder)
    return folder


def environ(copy: Path) -> dict[str, str]:
    """What has Python import from the copy before the checkout, which is installed as editable."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(copy), str(copy / "shared")])}


def check_imports(copy: Path) -> None:
    command = (sys.executable, "-P", "-c", PLACES)
    found = subprocess.run(
        command, env=environ(copy), cwd="/", check=True, capture_output=True, text=True
    )
    if not all(place.startswith(f"{copy}{os.sep}") for place in found.stdout.split()):
        raise SystemExit(f"Python imports other code than the copy's: {found.stdout}")


def run_tests(copy: Path, tests: Sequence[str], limit_s: float, *options: str) -> Ended:
    usual = ["-q", "--tb=short", "-p", "no:cacheprovider"]
    usual.append("--assert=plain")  # to explain how long lists differ can take minutes
    with subprocess.Popen(
        [sys.executable, "-m", "pytest", *usual, *options, *tests],
        cwd=copy,
        env=environ(copy),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            output, _ = process.communicate(timeout=limit_s)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)  # its servers, too
            return Ended(None, "")
        return Ended(process.returncode, output)


def outcome(copy: Path, mutant: Mutant) -> tuple[bool, str]:
    """Whether the fault is caught, and what to tell of it."""
    file = copy / mutant.file
    text = file.read_text(encoding="utf-8") if file.is_file() else ""
    if text.count(mutant.before) != 1:
        return False, f"broken patch: {mutant.before!r} stands {text.count(mutant.before)} times"
    file.write_text(text.replace(mutant.before, mutant.after), encoding="utf-8")
    try:
        ended = run_tests(copy, mutant.tests, LIMIT_S, "-x")
    finally:
        file.write_text(text, encoding="utf-8")
    if ended.code is None:
        return False, f"SURVIVED: the tests did not end within {LIMIT_S:g} s"
    failed = re.search(r"^FAILED \S*/(\w+\.py::.+?)(?: - |$)", ended.output, re.MULTILINE)
    if ended.code == FAILED and failed is not None:
        return True, f"caught by {failed[1]}"
    return False, f"SURVIVED: pytest ended with {ended.code}\n{ended.output[-2000:]}"


def main(word: str) -> int:
    with Path(__file__).with_name("mutants.toml").open("rb") as file:
        found = [Mutant(**entry) for entry in tomllib.load(file)["mutant"]]
    mutants = [mutant for mutant in found if word in mutant.name]
    tests = sorted({test for mutant in mutants for test in mutant.tests})
    copies: SimpleQueue[Path] = SimpleQueue()

    def judged(mutant: Mutant) -> bool:
        copy, begun = copies.get(), time.monotonic()
        is_caught, told = outcome(copy, mutant)
        copies.put(copy)
        print(f"{time.monotonic() - begun:5.1f} s  {mutant.name}: {told}", flush=True)
        return is_caught

    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(AT_ONCE) as threads:
        made = [copied(Path(folder).resolve() / str(number)) for number in range(AT_ONCE)]
        check_imports(made[0])
        parts = filter(None, (tests[number::AT_ONCE] for number in range(AT_ONCE)))
        for ended in threads.map(run_tests, made, parts, [ALL_LIMIT_S] * AT_ONCE):
            if ended.code != 0:
                print(ended.output, f"without any fault pytest ended with {ended.code}", sep="\n")
                return 1
        print(f"without any fault all pass: {len(tests)} files and tests", flush=True)
        for copy in made:
            copies.put(copy)
        os.environ["PYTHONDONTWRITEBYTECODE"] = "1"  # of what has a fault
        caught = sum(threads.map(judged, mutants))
    print(f"{caught} of {len(mutants)} caught")
    return 0 if caught == len(mutants) > 0 else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else ""))
