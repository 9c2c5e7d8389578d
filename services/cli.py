"""The command line: ``eventjob up``, or one service of it."""

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from functools import partial
from importlib.util import find_spec

from eventjob.bus.errors import Unavailable
from eventjob.runtime.lifecycle import WRONG_USE, CannotStart, Stop, run_service
from eventjob.runtime.logs import set_up_logs
from eventjob.runtime.settings import Settings, SettingsError, read_settings

SERVICES = {
    "api": ("services.api.main", "answer HTTP requests"),
    "projector": ("services.api.projector_main", "fold events into what the api reads"),
    "scheduler": ("services.scheduler.main", "decide, and hand out work"),
    "processor": ("services.processor.main", "fetch sessions and turn them into Markdown"),
    "archiver": ("services.archiver.main", "build ZIPs"),
    "rebuild": ("services.api.rebuild", "build the projection anew from the events"),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code: 0 fine, 2 wrong use or setting, 1 anything else."""
    command: str = _parser().parse_args(arguments).command
    try:
        settings = read_settings(os.environ)
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        return WRONG_USE
    set_up_logs(command, settings.log_level)
    return run_service(command, partial(_run, command, settings), parent_pipe=settings.parent_pipe)


async def _run(command: str, settings: Settings, stop: Stop) -> None:
    """Only what a command needs is imported: `up` starts five of them at once."""
    if command == "up":
        up = importlib.import_module("services.up.main")
        await up.run(settings, os.environ, stop)
        return
    name, _ = SERVICES[command]
    if find_spec(name) is None:
        raise CannotStart("not built yet")
    try:
        await importlib.import_module(name).run(settings, stop)
    except Unavailable as reason:  # nobody to begin with; later on, services wait by themselves
        raise CannotStart(str(reason)) from reason


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="eventjob",
        description="Conference sessions in, Markdown and ZIPs out.",
        epilog="Settings are environment variables, EVENTJOB_…: see the README.",
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version and exit")
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    commands.add_parser("up", help="start everything on this machine")
    for command, (_, help_text) in SERVICES.items():
        commands.add_parser(command, help=help_text)
    return parser


class _Version(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        metadata = importlib.import_module("importlib.metadata")
        sys.stdout.write(f"eventjob {metadata.version('eventjob')}\n")
        parser.exit()


if __name__ == "__main__":
    sys.exit(main())
