"""The command line: ``eventjob up``, one service of it, or a command about its data."""

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path

from eventjob.bus.errors import Unavailable
from eventjob.runtime.lifecycle import EXIT_WRONG_USE, CannotStart, Stop, run_service
from eventjob.runtime.logs import set_up_logs
from eventjob.runtime.setting_types import parse_days
from eventjob.runtime.settings import Settings, SettingsError, read_settings

RETENTION = "when they last changed; default: EVENTJOB_RETENTION_DAYS"
SERVICES = {
    "api": ("services.api.main", "answer HTTP requests"),
    "projector": ("services.projector.main", "fold events into what the api reads"),
    "scheduler": ("services.scheduler.main", "decide, and hand out work"),
    "processor": ("services.processor.main", "fetch sessions and turn them into Markdown"),
    "archiver": ("services.archiver.main", "build ZIPs"),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code: 0 fine, 2 wrong use or setting, 1 anything else."""
    asked = _parser().parse_args(arguments)
    command: str = asked.command
    try:
        settings = read_settings(os.environ)
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        return EXIT_WRONG_USE
    if command == "provision" and asked.print_config:
        sys.stdout.write(importlib.import_module("services.provision.main").config_file())
        return 0
    if command == "key":
        return int(importlib.import_module("services.api.access.key_command").run(asked, settings))
    set_up_logs(command, settings.log_level)
    run = partial(_run, asked, settings)
    return run_service(
        command, run, parent_pipe=settings.parent_pipe, heartbeat_file=settings.heartbeat_file
    )


async def _run(asked: argparse.Namespace, settings: Settings, stop: Stop) -> None:
    """Only what a command needs is imported: `up` starts five of them at once."""
    try:
        match asked.command:
            case "up":
                up = importlib.import_module("services.up.main")
                await up.run(settings, os.environ, stop)
            case "provision":
                await importlib.import_module("services.provision.main").run(settings)
            case "restore":
                bus = importlib.import_module("services.up.bus_for_command")
                restore = importlib.import_module("services.backup.restore_command")
                manifest = restore.checked(asked.folder, stop)
                if not asked.verify:
                    async with bus.own_bus(settings, os.environ, stop) as found:
                        where = settings.nats.url or f"data folder {settings.data_dir}"
                        await restore.run(found, asked.folder, manifest, stop, where=where)
            case "backup" | "parked" | "rebuild" | "retire" | "sweep":
                bus = importlib.import_module("services.up.bus_for_command")
                async with bus.borrowed_bus(settings, os.environ, stop) as found:
                    await _run_on(found, asked, stop)
            case service:
                name, _ = SERVICES[service]
                await importlib.import_module(name).run(settings, stop)
    except Unavailable as reason:  # nobody to begin with; later on, services wait by themselves
        raise CannotStart(str(reason)) from reason


async def _run_on(found: Settings, asked: argparse.Namespace, stop: Stop) -> None:
    """A command about what a deployment keeps, on its bus."""
    match asked.command:
        case "backup":
            backup = importlib.import_module("services.backup.backup_command")
            await backup.run(found, asked.folder, stop)
        case "parked":
            parked = importlib.import_module("services.parked.main")
            await parked.run(found, asked.does or "list", asked.sequences, stop)
        case "rebuild":
            rebuild = importlib.import_module("services.projector.rebuild.command")
            await rebuild.run(found, stop, only_check=asked.check)
        case "retire":
            retire = importlib.import_module("services.projector.retire.command")
            await retire.run(found, asked.older_than, stop, dry_run=asked.dry_run)
        case _:
            sweep = importlib.import_module("services.projector.sweep.command")
            await sweep.run(found, stop, dry_run=asked.dry_run)


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
    provision = commands.add_parser("provision", help="make what lasts on the bus")
    provision.add_argument(
        "--print-config", action="store_true", help="only print a configuration for nats-server"
    )
    rebuild = commands.add_parser("rebuild", help="build the projection anew from the events")
    rebuild.add_argument("--check", action="store_true", help="only say what differs from them")
    backup = commands.add_parser("backup", help="copy events and artifacts to a folder")
    backup.add_argument("folder", type=_folder, help="a new one, or one of an earlier backup")
    restore = commands.add_parser("restore", help="fill an empty deployment from a backup")
    restore.add_argument("folder", type=_folder, help="what `eventjob backup` has written")
    restore.add_argument("--verify", action="store_true", help="only check the backup")
    sweep = commands.add_parser("sweep", help="remove the blobs that nobody refers to")
    sweep.add_argument("--dry-run", action="store_true", help="only count them")
    retire = commands.add_parser("retire", help="export the events of batches archived long ago")
    retire.add_argument("--older-than", metavar="DAYS", type=_days, help=RETENTION)
    retire.add_argument("--dry-run", action="store_true", help="only say which")
    _add_parked(commands.add_parser("parked", help="see and retry what nobody could handle"))
    _add_key(commands.add_parser("key", help="make, list and revoke API keys"))
    return parser


def _days(text: str) -> timedelta:
    try:
        return parse_days(text, least=0)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r}: expected {error}") from error


def _folder(text: str) -> Path:
    return Path(text).absolute()


def _add_parked(parked: argparse.ArgumentParser) -> None:
    parked.set_defaults(sequences=[])
    does = parked.add_subparsers(dest="does", metavar="what")
    does.add_parser("list", help="a line for each message, which is also the default")
    for name, help_text, count in (
        ("show", "all of one message", 1),
        ("retry", "send messages again to where they came from", "+"),
        ("drop", "give messages up for good", "+"),
    ):
        command = does.add_parser(name, help=help_text)
        command.add_argument("sequences", metavar="SEQ", type=_sequence, nargs=count)


def _sequence(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 0 < int(text) < 1 << 63:
        raise argparse.ArgumentTypeError(f"{text!r}: expected a number from `eventjob parked`")
    return int(text)


def _add_key(key: argparse.ArgumentParser) -> None:
    does = key.add_subparsers(dest="does", required=True, metavar="what")
    new = does.add_parser("new", help="make a key, and show it this once")
    new.add_argument("--user", required=True, help="whose key it is")
    new.add_argument("--id", help="its name in the file and in logs; default: by chance")
    new.add_argument("--act-for-others", action="store_true", help="X-User-ID may name anybody")
    new.add_argument("--admin", action="store_true", help="may read and change everything")
    new.add_argument("--rate", help="how often it may be used, such as 50/s or 3000/min")
    listed = does.add_parser("list", help="show what keys there are")
    revoke = does.add_parser("revoke", help="take a key out of the file; running services notice")
    revoke.add_argument("id")
    for command in (new, listed, revoke):
        command.add_argument("--file", type=_folder, help="default: EVENTJOB_API_KEYS_FILE")


class _Version(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        metadata = importlib.import_module("importlib.metadata")
        sys.stdout.write(f"eventjob {metadata.version('eventjob')}\n")
        parser.exit()


if __name__ == "__main__":
    sys.exit(main())
