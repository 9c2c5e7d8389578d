"""``make chaos``: ten minutes of it, and a table of what was broken and what held."""

import os
import secrets
import signal
import sys

from chaos.run import chaos

JOBS = 1000
EVERY_S = 4.0


def main() -> int:
    """0 where every invariant held."""
    minutes = float(os.environ.get("MINUTES") or 10)
    seed = int(os.environ.get("SEED") or secrets.randbelow(1_000_000))
    jobs = int(os.environ.get("JOBS") or JOBS)
    servers = int(os.environ.get("SERVERS") or 1)
    said = f"{minutes:g} minutes, {jobs:,} jobs, {servers} nats-server, seed {seed}"
    print(f"chaos: {said}", flush=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # what was started ends with this
    outcome = chaos(seed, jobs, minutes * 60, EVERY_S, servers)
    print(*outcome.lines, sep="\n")
    if outcome.wrong:
        print(f"\n{len(outcome.wrong)} things are wrong:", *outcome.wrong, sep="\n- ")
    return 1 if outcome.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
