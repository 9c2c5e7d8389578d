"""Many sessions in one tree: each where its own ZIP has it, unless another one is there already."""

from collections.abc import Sequence
from itertools import count

import msgspec

from eventjob.contracts.base import FileRef
from eventjob.domain.names import append_number, collision_key


class SessionFiles(msgspec.Struct, frozen=True, kw_only=True):
    """As much of a `Bundle` as a batch's ZIP needs; its texts, which may be long, are left out."""

    title: str
    event: str
    track: str
    target_dir: str
    markdown_file: str
    files: list[FileRef]


def arranged(sessions: Sequence[SessionFiles]) -> list[SessionFiles]:
    """The sessions, in their order, with paths that do not meet.

    A session whose place is taken by an earlier one goes whole into a folder of its own, named
    ``<stem>-2`` and so on: so the links in its Markdown, which are relative, go on working.

    Raises:
        ValueError: a file of a session lies outside the session's folder.
    """
    taken: set[str] = set()
    placed: list[SessionFiles | None] = []
    for session in sessions:
        wanted = _places(session)
        is_free = taken.isdisjoint(wanted)
        placed.append(session if is_free else None)
        if is_free:
            taken |= wanted
    next_number: dict[str, int] = {}
    return [
        session if free is not None else _moved(session, taken, next_number)
        for session, free in zip(sessions, placed, strict=True)
    ]


def _places(session: SessionFiles) -> set[str]:
    """What the session takes in its folder: its Markdown, the name beside it, all its files."""
    wanted = {session.markdown_file, _beside(session)}
    for file in session.files:
        inside = file.path.removeprefix(f"{session.target_dir}/")
        if inside == file.path:
            raise ValueError(f"{file.path!r} is not in {session.target_dir!r}")
        wanted.add(f"{session.target_dir}/{inside.partition('/')[0]}")
    return {collision_key(path) for path in wanted}


def _beside(session: SessionFiles) -> str:
    return session.markdown_file.removesuffix(".md")


def _moved(session: SessionFiles, taken: set[str], next_number: dict[str, int]) -> SessionFiles:
    """The session in a folder that nobody has; it is taken from here on."""
    folder, _, stem = _beside(session).rpartition("/")
    key = collision_key(_beside(session))
    for number in count(next_number.get(key, 2)):
        own = f"{folder}/{append_number(stem, number)}"
        if collision_key(own) not in taken:
            break
    taken.add(collision_key(own))
    next_number[key] = number + 1
    at = len(session.target_dir)
    return msgspec.structs.replace(
        session,
        target_dir=own,
        markdown_file=own + session.markdown_file[at:],
        files=[msgspec.structs.replace(f, path=own + f.path[at:]) for f in session.files],
    )
