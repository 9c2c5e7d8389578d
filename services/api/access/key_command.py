"""`eventjob key`: create, list and revoke API keys."""

import argparse
import os
import sys
from pathlib import Path

from eventjob.runtime.lifecycle import EXIT_OK, EXIT_WRONG_USE
from eventjob.runtime.settings import Settings
from services.api.access.keys import Key, KeysError, format_key, new_key, parse_key, read_keys


def run(options: argparse.Namespace, settings: Settings) -> int:
    """Run an action. Returns the exit code: 0, or 2 with the reason on stderr."""
    try:
        match options.action:
            case "new":
                return _new(options, options.file)
            case "list":
                return _list(_file(options, settings))
            case _:
                return _revoke(_file(options, settings), options.id)
    except KeysError as error:
        sys.stderr.write(f"eventjob key: {error}\n")
        return EXIT_WRONG_USE


def _file(options: argparse.Namespace, settings: Settings) -> Path:
    path: Path | None = options.file or settings.api_keys_file
    if path is None:
        raise KeysError("expected --file or EVENTJOB_API_KEYS_FILE")
    return path


def _new(options: argparse.Namespace, path: Path | None) -> int:
    key_id, text, digest = new_key(options.id)
    try:
        key = Key(
            id=key_id,
            user=options.user,
            sha256=digest,
            act_for_others=options.act_for_others,
            administer=options.admin,
            rate=options.rate,
        )
        line = format_key(key)
        parse_key(line)  # reading checks more than the constructor, such as the id
    except ValueError as error:
        raise KeysError(f"not a valid key: {error}") from error
    if path is None:
        sys.stdout.write(f"{text}\n{line}\n")
        sys.stderr.write(
            "Line 1 is the key, printed only once. Line 2 belongs in the file of keys.\n"
        )
        return EXIT_OK
    if path.exists() and key.id in read_keys(path):
        raise KeysError(f"{path}: the id {key.id} is taken")
    _append(path, line)
    sys.stdout.write(f"{text}\n")
    return EXIT_OK


def _append(path: Path, line: str) -> None:
    try:
        with os.fdopen(os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600), "a+") as file:
            file.seek(0)
            before = file.read()  # an edited file may lack the last line end
            file.write(f"{line}\n" if before.endswith("\n") or not before else f"\n{line}\n")
    except OSError as error:
        raise KeysError(f"{path} cannot be written: {error.strerror}") from error


def _list(path: Path) -> int:
    for key in read_keys(path).values():
        rights = [
            *(["acts for others"] if key.act_for_others else []),
            *(["administers"] if key.administer else []),
            *([key.rate] if key.rate else []),
        ]
        sys.stdout.write("\t".join([key.id, key.user, *rights]) + "\n")
    return EXIT_OK


def _revoke(path: Path, key_id: str) -> int:
    if key_id not in read_keys(path):
        raise KeysError(f"{path}: there is no key {key_id}")
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    remaining = [line for line in lines if not _has_id(line, key_id)]
    temporary = path.with_name(f".{path.name}.{os.getpid()}")  # renamed: services never read half
    try:
        temporary.touch(mode=path.stat().st_mode & 0o777, exist_ok=False)
        temporary.write_text("".join(remaining), encoding="utf-8")
        temporary.replace(path)
    except OSError as error:
        raise KeysError(f"{path} cannot be written: {error.strerror}") from error
    return EXIT_OK


def _has_id(line: str, key_id: str) -> bool:
    text = line.strip()
    return bool(text) and not text.startswith("#") and parse_key(text).id == key_id
