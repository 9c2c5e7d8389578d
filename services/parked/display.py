"""A parked message in words: a line of a list, or all of it.

What stands in it came from clients and sites, so nothing of it reaches a terminal unescaped.
"""

import json
from contextlib import suppress

import msgspec

from eventjob.bus.roles.parking import Parked
from eventjob.bus.subjects import parse_task_subject
from eventjob.contracts.base import UNREADABLE
from eventjob.domain.ids import batch_group, parse_job_id

COLUMNS = ("seq", "parked at", "from", "kind", "group", "deliveries", "reason")
MOST_SHOWN = 64 * 1024  # bytes of a message's data
MOST_GROUPS = 3  # named in a line


class _Peeked(msgspec.Struct):
    """What a message may say about itself, whatever else is in it."""

    type: str = ""
    batch_id: str = ""
    job_id: str = ""
    group: str = ""
    outcomes: "list[_Peeked]" = []


def line(message: Parked) -> str:
    """A message as a line: columns are separated by tabs."""
    kind, groups = _about(message)
    named = ",".join(groups[:MOST_GROUPS]) + (",…" if len(groups) > MOST_GROUPS else "")
    columns = (
        str(message.sequence),
        f"{message.at[:19]}Z",
        message.subject,
        kind,
        named,
        message.deliveries,
        message.reason,
    )
    return "\t".join(_escaped(column) or "-" for column in columns)


def whole(message: Parked) -> str:
    """A message with its headers and its data, of which `MOST_SHOWN` bytes at most."""
    kind, groups = _about(message)
    facts = {
        "seq": str(message.sequence),
        "parked at": message.at,
        "from": message.subject,
        "kind": kind,
        "group": ",".join(groups),
        "deliveries": message.deliveries,
        "reason": message.reason,
        **message.headers,
    }
    told = "".join(f"{name}: {_escaped(text)}\n" for name, text in facts.items() if text)
    return f"{told}\n{_pretty(message.data)}\n"


def _about(message: Parked) -> tuple[str, list[str]]:
    """What kind of message it is, and the groups that it is about, as far as can be told."""
    try:
        peeked = _peek.decode(message.data)
    except UNREADABLE:
        peeked = _Peeked()
    groups = [peeked.group, *(outcome.group for outcome in peeked.outcomes)]
    if peeked.batch_id:
        groups.append(batch_group(peeked.batch_id))
    if key := parse_job_id(peeked.job_id):
        groups.append(key.group)
    if message.subject.startswith("task."):
        with suppress(ValueError):  # what nobody can handle may lie anywhere
            groups.append(parse_task_subject(message.subject).group)
    kinds = [peeked.type, *(outcome.type for outcome in peeked.outcomes)]
    kind = ",".join(dict.fromkeys(filter(None, kinds)))
    if not kind and message.subject.startswith("rep."):
        kind = "Report"
    return kind, list(dict.fromkeys(filter(None, groups)))


def _pretty(data: bytes) -> str:
    cut = f"\n… {len(data):,} bytes in all" if len(data) > MOST_SHOWN else ""
    try:
        text = json.dumps(json.loads(data), indent=2)
    except (ValueError, RecursionError):
        return repr(data[:MOST_SHOWN]) + cut
    return text if len(text) <= MOST_SHOWN else text[:MOST_SHOWN] + f"\n… {len(data):,} bytes"


def _escaped(text: str) -> str:
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


_peek = msgspec.json.Decoder(_Peeked)
