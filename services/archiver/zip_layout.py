"""Lay out several sessions in one ZIP with paths that all differ."""

from collections.abc import Sequence
from itertools import count

import msgspec

from eventjob.contracts.base import FileRef
from eventjob.domain.names import append_number, collision_key


class SessionFiles(msgspec.Struct, frozen=True, kw_only=True):
    """The part of a `Bundle` that a batch's ZIP needs; its long texts stay undecoded."""

    title: str
    event: str
    track: str
    target_dir: str
    markdown_file: str
    files: list[FileRef]


def arrange_sessions(sessions: Sequence[SessionFiles]) -> list[SessionFiles]:
    """Return the sessions in order, with paths that all differ.

    A session moves whole into a folder ``<stem>-2`` and so on if its paths are taken: its
    Markdown has relative links, which go on working.

    Raises:
        ValueError: a file lies outside its session's folder.
    """
    taken: set[str] = set()
    unmoved: list[SessionFiles | None] = []
    for session in sessions:  # those that stay claim first
        keys = _claimed_keys(session)
        is_free = taken.isdisjoint(keys)
        unmoved.append(session if is_free else None)
        if is_free:
            taken |= keys
    next_numbers: dict[str, int] = {}
    return [
        session if kept is not None else _move(session, taken, next_numbers)
        for session, kept in zip(sessions, unmoved, strict=True)
    ]


def _claimed_keys(session: SessionFiles) -> set[str]:
    """Return the collision keys of the Markdown, of its folder of files, and of top-level names."""
    paths = {session.markdown_file, _stem_path(session)}
    for file in session.files:
        inside = file.path.removeprefix(f"{session.target_dir}/")
        if inside == file.path:
            raise ValueError(f"{file.path!r} is not in {session.target_dir!r}")
        paths.add(f"{session.target_dir}/{inside.partition('/')[0]}")
    return {collision_key(path) for path in paths}


def _stem_path(session: SessionFiles) -> str:
    return session.markdown_file.removesuffix(".md")


def _move(session: SessionFiles, taken: set[str], next_number: dict[str, int]) -> SessionFiles:
    """Move the session into the first free folder, and claim it in ``taken``."""
    folder, _, stem = _stem_path(session).rpartition("/")
    key = collision_key(_stem_path(session))
    for number in count(next_number.get(key, 2)):
        new_folder = f"{folder}/{append_number(stem, number)}"
        if collision_key(new_folder) not in taken:
            break
    taken.add(collision_key(new_folder))
    next_number[key] = number + 1
    prefix_length = len(session.target_dir)
    return msgspec.structs.replace(
        session,
        target_dir=new_folder,
        markdown_file=new_folder + session.markdown_file[prefix_length:],
        files=[
            msgspec.structs.replace(f, path=new_folder + f.path[prefix_length:])
            for f in session.files
        ],
    )
