"""The processes that can be seen, and whose they are."""

from collections.abc import Iterator
from pathlib import Path

SERVICES = ("api", "projector", "scheduler", "processor", "archiver")


def processes() -> Iterator[tuple[int, int, list[str]]]:
    """(pid, parent, command line) of every process that can be seen."""
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            stat = (folder / "stat").read_text()
            command = (folder / "cmdline").read_bytes().decode(errors="replace").split("\0")
        except OSError:
            continue
        yield int(folder.name), int(stat.rsplit(")", 1)[1].split()[1]), command


def descendants(pid: int) -> list[int]:
    """The processes under one, and those under them."""
    found = [pid]
    known = [(pid, parent) for pid, parent, _ in processes()]
    for ancestor in found:
        found += [pid for pid, parent in known if parent == ancestor]
    return found[1:]


def service_of(command: list[str]) -> str:
    if any(part.endswith("nats-server") for part in command):
        return "nats-server"
    return next((part for part in command if part in SERVICES), "other")
