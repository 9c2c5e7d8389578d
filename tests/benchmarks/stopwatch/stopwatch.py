"""``make bench BASE=<commit>``: the CPU times of this commit beside those of another."""

import compileall
import io
import os
import shutil
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from comparison import CALIBRATION, EXPLAINED, Comparison
from processes import INHERITED, Processes, line_of
from rows import ROWS, Row
from side import Checkout, Side, Values

PAIRS = 5
LEAST_COUNT = 4
ROOT = Path(__file__).parents[3]
LOCK = "requirements.lock"
IMPORTED = "import eventjob, services; print(eventjob.__path__[0], services.__path__[0])"


def main() -> int:
    """0 when all was measured: what the ratios mean is for the reader to say."""
    pairs, size = int(os.environ.get("PAIRS") or PAIRS), float(os.environ.get("SIZE") or 1)
    commits = {"BASE": commit(sys.argv[1]), "this": commit("HEAD")}
    if not commits["BASE"]:
        print(f"BASE={sys.argv[1]}: there is no such commit", file=sys.stderr)
        return 2
    print(f"BASE is {commits['BASE']}, this is {commits['this']}; {pairs} pairs, size {size:g}")
    if git("status", "--porcelain", "--untracked-files=no"):
        print("What is not committed is not measured.")
    began, result = time.monotonic(), Comparison()
    with TemporaryDirectory(prefix="eventjob-bench-") as name, Processes(Path(name)) as running:
        folder = Path(name)
        checkouts = [checked_out(label, revision, folder) for label, revision in commits.items()]
        site = int(line_of(running.script("page_site.py")))
        for number in range(pairs):
            print(f"pair {number + 1}, after {time.monotonic() - began:.0f} s", flush=True)
            for measured in pair(checkouts, site, folder / "pair", size, number % 2):
                result.add(*measured)
            shutil.rmtree(folder / "pair")
    load = ", ".join(f"{load:.1f}" for load in os.getloadavg())
    print(f"\nmeasured in {time.monotonic() - began:.0f} s on {os.cpu_count()} cores, load {load}")
    print(EXPLAINED, *result.lines(), sep="\n")
    return 0


def pair(
    checkouts: list[Checkout], site: int, folder: Path, size: float, first: int
) -> Iterator[tuple[Row, Values, Values]]:
    """All rows of both sides, BASE's values before this commit's; ``first`` is measured first."""
    with ExitStack() as stack:
        sides = [Side(checkout, site, folder / checkout.label) for checkout in checkouts]
        for side in sides:
            stack.enter_context(side.stopped_at_the_end())
        for row in ROWS:
            used = in_turns(row, sides[::-1] if first else sides, size)
            yield row, used["BASE"], used["this"]


def in_turns(row: Row, sides: list[Side], size: float) -> dict[str, Values]:
    """What one side after the other uses, each after a calibration."""
    used = {}
    for side in sides:
        calibrated_ms = calibration_ms()
        values = row.work(side, max(LEAST_COUNT, round(row.count * size)))
        used[side.label] = {**values, CALIBRATION: calibrated_ms}
    return used


def calibration_ms() -> float:
    """The CPU time of a piece of Python that is the same each time."""
    began = time.process_time()
    for _ in range(3):
        words = {n: str(n * n) for n in range(200_000)}
        sum(len(word) for word in sorted(words.values()))
    return (time.process_time() - began) * 1000


def checked_out(label: str, revision: str, folder: Path) -> Checkout:
    """A commit's files; they run in this `.venv` unless their requirements differ from ours."""
    place, programs = folder / label, Path(sys.executable).parent
    with tarfile.open(fileobj=io.BytesIO(git("archive", revision))) as archive:
        archive.extractall(place, filter="data")
    environ = {**INHERITED, "PYTHONPATH": f"{place}:{place / 'shared'}"}
    if pins(place / LOCK) != pins(ROOT / LOCK):
        print(f"{label} has another {LOCK}: its own .venv is made", flush=True)
        make = ("make", "--silent", "setup")
        subprocess.run(make, cwd=place, env=environ, check=True)
        programs = place / ".venv" / "bin"
    for package in ("services", "shared"):
        compileall.compile_dir(place / package, quiet=1)
    command = (str(programs / "python"), "-c", IMPORTED)
    found = subprocess.check_output(command, env=environ, cwd=folder, text=True).split()
    assert all(path.startswith(f"{place}/") for path in found), found
    return Checkout(label, programs / "eventjob", environ)


def pins(lock: Path) -> list[str]:
    """The packages of a lock with their versions."""
    return [line for line in lock.read_text().splitlines() if "==" in line and line[0] != "#"]


def commit(name: str) -> str:
    """Its short name; empty where there is none."""
    return git("rev-parse", "--verify", "--quiet", "--short", f"{name}^{{commit}}").decode().strip()


def git(*arguments: str) -> bytes:
    command = ("git", "-C", str(ROOT), *arguments)
    return subprocess.run(command, stdout=subprocess.PIPE, check=False).stdout


if __name__ == "__main__":
    sys.exit(main())
