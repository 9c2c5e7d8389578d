"""``eventjob key``: make a key, list them, revoke one."""

import argparse
import os
import sys
from pathlib import Path

from eventjob.runtime.lifecycle import EXIT_OK, EXIT_WRONG_USE
from eventjob.runtime.settings import Settings
from services.api.access.keys import Key, KeysError, key_in, line_of, new_key, read_keys


def run(asked: argparse.Namespace, settings: Settings) -> int:
    """The exit code: 0, or 2 with the reason on stderr."""
    try:
        match asked.does:
            case "new":
                return _new(asked, asked.file)
            case "list":
                return _list(_file(asked, settings))
            case _:
                return _revoke(_file(asked, settings), asked.id)
    except KeysError as error:
        sys.stderr.write(f"eventjob key: {error}\n")
        return EXIT_WRONG_USE


def _file(asked: argparse.Namespace, settings: Settings) -> Path:
    path: Path | None = asked.file or settings.api_keys_file
    if path is None:
        raise KeysError("expected --file or EVENTJOB_API_KEYS_FILE")
    return path


def _new(asked: argparse.Namespace, path: Path | None) -> int:
    key_id, text, digest = new_key(asked.id)
    try:
        key = Key(
            id=key_id,
            user=asked.user,
            sha256=digest,
            act_for_others=asked.act_for_others,
            administer=asked.admin,
            rate=asked.rate,
        )
        line = line_of(key)
        key_in(line)  # as it will be read: only this looks at the id
    except ValueError as error:
        raise KeysError(f"expected a key that the file may hold: {error}") from error
    if path is None:
        sys.stdout.write(f"{text}\n{line}\n")
        sys.stderr.write(
            "The first line is the key, shown this once; the second is for the file.\n"
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
            before = file.read()
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
    """Beside it, and then in its place: nobody ever reads half a file."""
    if key_id not in read_keys(path):
        raise KeysError(f"{path}: there is no key {key_id}")
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    kept = [line for line in lines if not _is_of(line, key_id)]
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        beside.touch(mode=path.stat().st_mode & 0o777, exist_ok=False)
        beside.write_text("".join(kept), encoding="utf-8")
        beside.replace(path)
    except OSError as error:
        raise KeysError(f"{path} cannot be written: {error.strerror}") from error
    return EXIT_OK


def _is_of(line: str, key_id: str) -> bool:
    text = line.strip()
    return bool(text) and not text.startswith("#") and key_in(text).id == key_id
