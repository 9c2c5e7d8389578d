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
FEWEST_CASES = 5_000


def main() -> int:
    """0 where everything went well."""
    seed = int(sys.argv[1]) if len(sys.argv) > 1 else None
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="eventjob-fuzz-") as folder:
        outcome = fuzz(Path(folder), EXAMPLES, seed)
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
        for (name, status), count in sorted(outcome.tally.items()):
            print(f"{name:60} {status} {count:6,}")
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


if __name__ == "__main__":
    sys.exit(main())
