"""Permissions on the bus: one user for each service, with the rights that its work needs.

Only `provision` creates durable streams; the scheduler creates those in memory. A stream's creator
chooses its subjects, and so could read everything. The server sends answers of consumers and
direct gets to any subject: docs/deploy.md says what an attacker gains by that.
"""

from collections.abc import Callable
from typing import NamedTuple

from eventjob.bus import subjects
from eventjob.bus.subjects import CMD, EVENTS, PARKED, REPORTS, TASKS, inbox_prefix

PROVISION = "provision"
API = "$JS.API"
HOSTS, HTTP, LEASES, SNAPSHOTS = "KV_hosts", "KV_http", "KV_leases", "OBJ_snapshots"


class Rights(NamedTuple):
    """Subjects that a user may publish and subscribe to, besides its own inbox."""

    publish: tuple[str, ...] = ()
    subscribe: tuple[str, ...] = ()


def _info_rights(*streams: str) -> tuple[str, ...]:
    return tuple(f"{API}.STREAM.INFO.{stream}" for stream in streams)


def _read_rights(stream: str) -> tuple[str, ...]:
    """Rights to read by ephemeral consumers."""
    return (
        f"{API}.CONSUMER.CREATE.{stream}",
        f"{API}.CONSUMER.INFO.{stream}.*",
        f"{API}.CONSUMER.MSG.NEXT.{stream}.*",
        f"{API}.CONSUMER.DELETE.{stream}.*",
    )


def _consume_rights(stream: str, durable: str) -> tuple[str, ...]:
    """Rights to work off a durable consumer; one form of acks has domain and account."""
    return (
        f"{API}.CONSUMER.MSG.NEXT.{stream}.{durable}",
        f"$JS.ACK.{stream}.{durable}.>",
        f"$JS.ACK.*.*.{stream}.{durable}.>",
    )


def _bucket_rights(name: str) -> tuple[str, ...]:
    return (f"$KV.{name}.>", *_info_rights(f"KV_{name}"), f"{API}.DIRECT.GET.KV_{name}.>")


def _lease_rights(role: str) -> tuple[str, ...]:
    return (
        f"$KV.leases.member.{role}.*",
        f"$KV.leases.owner.{role}.*",
        *_info_rights(LEASES),
        f"{API}.DIRECT.GET.{LEASES}",
    )


_EVENTS = (*_info_rights(EVENTS), f"{API}.DIRECT.GET.{EVENTS}", *_read_rights(EVENTS))
_ANNOUNCEMENTS = ("say.*",)

_SCHEDULER = (
    "ev.>",
    "task.>",
    "say.scheduler",
    f"{inbox_prefix('api')}.>",  # replies
    f"{inbox_prefix(PROVISION)}.>",  # to `eventjob retire`
    f"parked.{subjects.command_subject('*')}",
    f"parked.{subjects.report_subject('*')}",
    *_EVENTS,
    f"{API}.STREAM.PURGE.{EVENTS}",
    *_lease_rights("scheduler"),
    *_info_rights(CMD, REPORTS, TASKS, PARKED, HOSTS),
    *(f"{API}.STREAM.CREATE.{stream}" for stream in (TASKS, REPORTS, HOSTS)),
    *(f"{API}.CONSUMER.DURABLE.CREATE.{stream}.*" for stream in (TASKS, REPORTS)),
    *(f"{API}.CONSUMER.{verb}.{s}.*" for verb in ("INFO", "RESET") for s in (CMD, REPORTS)),
    *_consume_rights(CMD, "*"),
    *_consume_rights(REPORTS, "*"),
    "$O.snapshots.>",
    *_info_rights(SNAPSHOTS),
    f"{API}.STREAM.PURGE.{SNAPSHOTS}",
    f"{API}.STREAM.MSG.GET.{SNAPSHOTS}",
    f"{API}.DIRECT.GET.{SNAPSHOTS}",
    f"{API}.DIRECT.GET.{SNAPSHOTS}.>",
)


def _worker_rights(kind: str) -> tuple[str, ...]:
    return (
        subjects.report_subject("*"),
        f"parked.task.{kind}.>",
        "say.worker",
        *_consume_rights(TASKS, f"{kind}-workers"),
    )


USERS: dict[str, Rights] = {
    PROVISION: Rights(
        publish=("$JS.>", "ev.>", "cmd.*", "rep.*", "task.>", "parked.>", "$O.snapshots.>"),
        subscribe=_ANNOUNCEMENTS,
    ),
    "api": Rights(publish=("cmd.*", *_EVENTS, *_info_rights(PARKED)), subscribe=_ANNOUNCEMENTS),
    "scheduler": Rights(publish=_SCHEDULER, subscribe=_ANNOUNCEMENTS),
    "projector": Rights(
        publish=(
            "say.projected",
            *_EVENTS,
            *_lease_rights("projector"),
            *_info_rights(CMD, REPORTS, PARKED, HTTP),
            *_read_rights(PARKED),
            *_read_rights(HTTP),
        ),
        subscribe=_ANNOUNCEMENTS,
    ),
    "processor": Rights(
        # A processor meets hostile pages, so it can neither read events nor send commands.
        publish=(*_worker_rights("fetch"), *_bucket_rights("http"), *_bucket_rights("hosts")),
        subscribe=("$KV.hosts.>",),
    ),
    "archiver": Rights(publish=(*_worker_rights("archive"), *_EVENTS)),
    "subscriber": Rights(
        publish=(
            *_EVENTS,
            f"{API}.CONSUMER.CREATE.{EVENTS}.>",  # also under a name, to go on where it was
            f"{API}.CONSUMER.DURABLE.CREATE.{EVENTS}.*",
            f"$JS.ACK.{EVENTS}.>",
            f"$JS.ACK.*.*.{EVENTS}.>",
            f"$JS.FC.{EVENTS}.>",  # the pace of what is pushed
        ),
        subscribe=("say.projected",),
    ),
}


def may_create(user: str | None, stream: str) -> bool:
    """Return True if a user may create a missing stream; users outside the table may try."""
    rights = USERS.get(user or PROVISION)
    return rights is None or not {"$JS.>", f"{API}.STREAM.CREATE.{stream}"}.isdisjoint(
        rights.publish
    )


def format_authorization(password: Callable[[str], str]) -> str:
    """Format the users as a block of a nats-server's configuration.

    Args:
        password: returns a user's password as it stands in the file: quoted, or a variable's name.
    """
    users = "\n".join(_format_user(user, rights, password(user)) for user, rights in USERS.items())
    return f"authorization {{\n  users: [\n{users}\n  ]\n}}\n"


def _format_user(name: str, rights: Rights, password: str) -> str:
    inbox = f"{inbox_prefix(name)}.>"
    return f"""\
    {{
      user: {name}, password: {password}
      permissions: {{
        publish: {_format_allowed(rights.publish)}
        subscribe: {_format_allowed((inbox, *rights.subscribe))}
      }}
    }}"""


def _format_allowed(allowed: tuple[str, ...]) -> str:
    listed = "".join(f'\n          "{subject}"' for subject in allowed)
    return f"{{ allow: [{listed}\n        ] }}"


LIMITS = """\
max_payload: 8MB
max_pending: 256MB
"""
