"""Command line: parse arguments, read settings, run one command."""

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

FILE = "file of keys; default: EVENTJOB_API_KEYS_FILE"
OLDER_THAN = "minimum days since a batch last changed; default: EVENTJOB_RETENTION_DAYS"
SERVICES = {
    "api": ("services.api.main", "run the api: answer HTTP requests"),
    "projector": ("services.projector.main", "run the projector: fold events into documents"),
    "scheduler": ("services.scheduler.main", "run the scheduler: decide and hand out tasks"),
    "processor": ("services.processor.main", "run a processor: turn sessions into Markdown"),
    "archiver": ("services.archiver.main", "run an archiver: build ZIPs"),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command. Returns the exit code: 0 success, 2 wrong usage or setting, 1 failure."""
    options = _parser().parse_args(arguments)
    command: str = options.command
    try:
        settings = read_settings(os.environ)
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        return EXIT_WRONG_USE
    if command == "provision" and options.print_config:  # needs no bus, like `key`
        sys.stdout.write(importlib.import_module("services.provision.main").build_config())
        return 0
    if command == "key":
        return int(
            importlib.import_module("services.api.access.key_command").run(options, settings)
        )
    level = settings.log_level
    if level == "info" and command not in {"up", *SERVICES}:
        level = "warning"  # what a command prints is for people: no log lines of its life between
    set_up_logs(command, level)
    run = partial(_run, options, settings)
    return run_service(
        command, run, parent_pipe=settings.parent_pipe, heartbeat_file=settings.heartbeat_file
    )


async def _run(options: argparse.Namespace, settings: Settings, stop: Stop) -> None:
    # Imports are lazy: `up` starts five of these processes at once.
    try:
        match options.command:
            case "up":
                up = importlib.import_module("services.up.main")
                await up.run(settings, os.environ, stop)
            case "provision":
                await importlib.import_module("services.provision.main").run(settings)
            case "restore":
                bus = importlib.import_module("services.up.bus_for_command")
                restore = importlib.import_module("services.backup.restore_command")
                manifest = restore.check_backup(options.folder, stop)
                if not options.verify:
                    async with bus.start_own_bus(settings, os.environ, stop) as bus_settings:
                        where = settings.nats.url or f"data folder {settings.data_dir}"
                        await restore.run(bus_settings, options.folder, manifest, stop, where=where)
            case "backup" | "parked" | "rebuild" | "retire" | "sweep":
                bus = importlib.import_module("services.up.bus_for_command")
                async with bus.reach_bus(settings, os.environ, stop) as bus_settings:
                    await _run_on(bus_settings, options, stop)
            case service:
                name, _ = SERVICES[service]
                await importlib.import_module(name).run(settings, stop)
    except Unavailable as reason:  # only at the start; later, services reconnect
        raise CannotStart(str(reason)) from reason


async def _run_on(settings: Settings, options: argparse.Namespace, stop: Stop) -> None:
    """Run a command on the bus of a deployment."""
    match options.command:
        case "backup":
            backup = importlib.import_module("services.backup.backup_command")
            await backup.run(settings, options.folder, stop)
        case "parked":
            parked = importlib.import_module("services.parked.main")
            await parked.run(settings, options.action or "list", options.sequences, stop)
        case "rebuild":
            rebuild = importlib.import_module("services.projector.rebuild.command")
            await rebuild.run(settings, stop, only_check=options.check)
        case "retire":
            retire = importlib.import_module("services.projector.retire.command")
            await retire.run(settings, options.older_than, stop, dry_run=options.dry_run)
        case _:
            sweep = importlib.import_module("services.projector.sweep.command")
            await sweep.run(settings, stop, dry_run=options.dry_run)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="eventjob",
        description="Turn conference sessions into Markdown and ZIPs.",
        epilog="Settings are environment variables named EVENTJOB_…: see docs/settings.md.",
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version and exit")
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    commands.add_parser("up", help="start all services on this machine")
    for command, (_, help_text) in SERVICES.items():
        commands.add_parser(command, help=help_text)
    provision = commands.add_parser("provision", help="create the JetStream streams and buckets")
    provision.add_argument(
        "--print-config", action="store_true", help="print a nats-server configuration and exit"
    )
    rebuild = commands.add_parser("rebuild", help="rebuild the documents from the event log")
    rebuild.add_argument("--check", action="store_true", help="report differences; change nothing")
    backup = commands.add_parser("backup", help="copy events and artifacts to a folder")
    backup.add_argument("folder", type=_folder, help="new folder, or that of an earlier backup")
    restore = commands.add_parser("restore", help="restore a backup into an empty deployment")
    restore.add_argument("folder", type=_folder, help="folder that `eventjob backup` wrote")
    restore.add_argument("--verify", action="store_true", help="check the backup; restore nothing")
    sweep = commands.add_parser("sweep", help="delete artifacts that no document refers to")
    sweep.add_argument("--dry-run", action="store_true", help="count them; delete nothing")
    retire = commands.add_parser("retire", help="move events of long-archived batches into exports")
    retire.add_argument("--older-than", metavar="DAYS", type=_days, help=OLDER_THAN)
    retire.add_argument("--dry-run", action="store_true", help="list these batches; export nothing")
    _add_parked(commands.add_parser("parked", help="list, show, retry or drop parked messages"))
    _add_key(commands.add_parser("key", help="create, list and revoke API keys"))
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
    actions = parked.add_subparsers(dest="action", metavar="action")
    actions.add_parser("list", help="print one line per message (default)")
    for name, help_text, count in (
        ("show", "print one message in full", 1),
        ("retry", "send messages back to their original subject", "+"),
        ("drop", "delete messages permanently", "+"),
    ):
        command = actions.add_parser(name, help=help_text)
        argument = command.add_argument("sequences", metavar="SEQ", type=_sequence, nargs=count)
        argument.help = "number in the first column of `eventjob parked list`"


def _sequence(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 0 < int(text) < 1 << 63:
        raise argparse.ArgumentTypeError(f"{text!r}: expected a number from `eventjob parked list`")
    return int(text)


def _add_key(key: argparse.ArgumentParser) -> None:
    actions = key.add_subparsers(dest="action", required=True, metavar="action")
    new = actions.add_parser("new", help="create a key and print it once")
    new.add_argument("--user", required=True, help="user that requests with this key act as")
    new.add_argument("--id", help="name of the key in the file and in logs; default: random")
    new.add_argument("--act-for-others", action="store_true", help="let X-User-ID name any user")
    new.add_argument("--admin", action="store_true", help="allow reading and changing everything")
    new.add_argument("--rate", help="rate limit, such as 50/s or 3000/min")
    listed = actions.add_parser("list", help="print id, user and rights of each key")
    revoke = actions.add_parser("revoke", help="remove a key; running services notice within 1 s")
    revoke.add_argument("id", help="id of the key")
    new.add_argument("--file", type=_folder, help="file to add the key to; default: only print it")
    for command in (listed, revoke):
        command.add_argument("--file", type=_folder, help=FILE)


class _Version(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        metadata = importlib.import_module("importlib.metadata")
        sys.stdout.write(f"eventjob {metadata.version('eventjob')}\n")
        parser.exit()


if __name__ == "__main__":
    sys.exit(main())
