"""``python -m demo``: run the sample conference or, with ``--url``, any session page.

With ``--containers`` the services are those of ``deploy/compose.yaml``.
"""

import argparse
import os
import signal
import sys

from demo import DemoFailed
from demo.runs import run_in_containers, run_page, run_sample
from demo.screen import Screen
from demo.service import INTERRUPTS


def main() -> int:
    """Run the demo; return 0 on success, with the ZIP's path as last line, else 1."""
    arguments = _parser().parse_args()
    url: str | None = arguments.url
    for number in INTERRUPTS:
        signal.signal(number, signal.default_int_handler)
    screen = Screen(sys.stdout)
    try:
        if arguments.containers:
            path = run_in_containers(screen)
        else:
            path = run_sample(screen) if url is None else run_page(screen, url)
        screen.say(f"ZIP: {path}")
    except BrokenPipeError:  # the reader has gone: spare it Python's traceback at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except DemoFailed as reason:
        sys.stderr.write(f"\ndemo failed: {reason}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("\ndemo interrupted; everything is stopped\n")
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m demo", description=__doc__)
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--url", help="a session page to turn into Markdown and a ZIP")
    what.add_argument("--containers", action="store_true", help="run the services in containers")
    return parser


if __name__ == "__main__":
    sys.exit(main())
