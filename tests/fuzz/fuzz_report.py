"""``make fuzz``: thousands of generated requests, and what came of them."""

import os
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from fuzzing import Outcome, fuzz

EXAMPLES = int(os.environ.get("N", "400"))
WITH_KEY = bool(os.environ.get("KEYS"))
FEWEST_CASES = 5_000


def main() -> int:
    """0 where everything went well."""
    seed = int(sys.argv[1]) if len(sys.argv) > 1 else None
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="eventjob-fuzz-") as folder:
        outcome = fuzz(Path(folder), EXAMPLES, seed, with_key=WITH_KEY)
    return show(outcome, time.monotonic() - began)


def show(outcome: Outcome, took_s: float) -> int:
    """Print it; 1 where something is wrong."""
    found = outcome.report["operations"]
    is_good = (
        outcome.failures == 0
        and outcome.cases >= FEWEST_CASES
        and not outcome.unanswered
        and not outcome.troubles
    )
    if not is_good:
        print(outcome.said)
        print(*outcome.troubles, sep="\n")
    show_operations(outcome)
    by_status = Counter[int]()
    for (_, status), count in outcome.tally.items():
        by_status[status] += count
    rows = {
        "operations": f"{found['tested']} of {found['total']}",
        "without a good answer": ", ".join(outcome.unanswered) or "none",
        "cases": f"{outcome.cases:,} (wanted: {FEWEST_CASES:,})",
        "answers": ", ".join(f"{status}: {n:,}" for status, n in sorted(by_status.items())),
        "failures": str(outcome.failures),
        "troubles in logs": str(len(outcome.troubles)),
        "memory of the api": "{:.0f} MB before, {:.0f} MB after".format(*outcome.rss_mb),
        "time": f"{took_s:.0f} s",
        "seed": str(outcome.report["seed"]),
    }
    for name, value in rows.items():
        print(f"{name:22} {value}")
    return 0 if is_good else 1


def show_operations(outcome: Outcome) -> None:
    """For each operation how often it was asked, and what it answered."""
    answers: dict[str, Counter[int]] = {}
    for (asked, status), count in outcome.tally.items():
        name = asked if asked in outcome.operations else "other methods"
        answers.setdefault(name, Counter())[status] += count
    for name, counted in sorted(answers.items(), key=lambda item: item[0].split()[::-1]):
        told = " ".join(f"{status}: {count:,}" for status, count in sorted(counted.items()))
        print(f"{name:60} {counted.total():6,}   {told}")


if __name__ == "__main__":
    sys.exit(main())
