"""Format a parked message for a terminal: one line, or in full.

Text from clients and websites is always escaped: it may contain terminal control codes.
"""

import json
from contextlib import suppress

import msgspec

from eventjob.bus.roles.parking import Parked
from eventjob.bus.subjects import parse_task_subject
from eventjob.contracts.base import UNREADABLE
from eventjob.domain.ids import batch_group, parse_job_id

COLUMNS = ("seq", "parked at", "from", "kind", "group", "deliveries", "reason")
MAX_SHOWN_BYTES = 64 * 1024  # of a message's data
MAX_SHOWN_GROUPS = 3  # in a line


class _Peek(msgspec.Struct):
    """Fields that identify a message of any type; all others are ignored."""

    type: str = ""
    batch_id: str = ""
    job_id: str = ""
    group: str = ""
    outcomes: "list[_Peek]" = []


def format_line(message: Parked) -> str:
    """Format a message as a line of tab-separated columns."""
    kind, groups = _summarize(message)
    first_groups = ",".join(groups[:MAX_SHOWN_GROUPS]) + (
        ",…" if len(groups) > MAX_SHOWN_GROUPS else ""
    )
    columns = (
        str(message.sequence),
        f"{message.at[:19]}Z",
        message.subject,
        kind,
        first_groups,
        message.deliveries,
        message.reason,
    )
    return "\t".join(_escape(column) or "-" for column in columns)


def format_message(message: Parked) -> str:
    """Format a message with its headers and up to `MAX_SHOWN_BYTES` of its data."""
    kind, groups = _summarize(message)
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
    lines = "".join(f"{name}: {_escape(text)}\n" for name, text in facts.items() if text)
    return f"{lines}\n{_format_data(message.data)}\n"


def _summarize(message: Parked) -> tuple[str, list[str]]:
    """Return the kind of a message and its groups, as far as both can be read."""
    try:
        peeked = _peek.decode(message.data)
    except UNREADABLE:
        peeked = _Peek()  # unreadable bytes are a usual reason for parking
    groups = [peeked.group, *(outcome.group for outcome in peeked.outcomes)]
    if peeked.batch_id:
        groups.append(batch_group(peeked.batch_id))
    if key := parse_job_id(peeked.job_id):
        groups.append(key.group)
    if message.subject.startswith("task."):
        with suppress(ValueError):  # a parked message may have any subject
            groups.append(parse_task_subject(message.subject).group)
    kinds = [peeked.type, *(outcome.type for outcome in peeked.outcomes)]
    kind = ",".join(dict.fromkeys(filter(None, kinds)))
    if not kind and message.subject.startswith("rep."):
        kind = "Report"
    return kind, list(dict.fromkeys(filter(None, groups)))


def _format_data(data: bytes) -> str:
    try:
        text = json.dumps(json.loads(data), indent=2)
    except (ValueError, RecursionError):
        text, is_long = repr(data[:MAX_SHOWN_BYTES]), len(data) > MAX_SHOWN_BYTES
    else:
        text, is_long = text[:MAX_SHOWN_BYTES], len(text) > MAX_SHOWN_BYTES
    return f"{text}\n… {len(data):,} bytes in all" if is_long else text


def _escape(text: str) -> str:
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


_peek = msgspec.json.Decoder(_Peek)
