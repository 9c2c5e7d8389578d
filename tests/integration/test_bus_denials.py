"""Who may do what on the bus: every action by every user, on a real server.

The expectations are written out here, and not taken from the table that makes the configuration.
"""

import pytest
from bus_users import Users

ADMIN = "provision"
SERVICES = ("api", "scheduler", "projector", "processor", "archiver")
ALL = (ADMIN, *SERVICES, "subscriber")
READERS = {ADMIN, "api", "scheduler", "projector", "archiver", "subscriber"}
API = "$JS.API"
LASTING = ("EVENTS", "CMD", "PARKED", "KV_http", "KV_leases", "OBJ_snapshots")
DERIVED = ("TASKS", "REPORTS", "KV_hosts")
STREAMS = LASTING + DERIVED

PUBLISH: dict[str, set[str]] = {
    "ev.00.b-x": {ADMIN, "scheduler"},
    "ev.00.b-x.1": {ADMIN, "scheduler"},
    "cmd.00": {ADMIN, "api"},
    "rep.00": {ADMIN, "processor", "archiver"},
    "task.fetch.00.b-x.1.1": {ADMIN, "scheduler"},
    "task.archive.00.b-x.1.1": {ADMIN, "scheduler"},
    "parked.cmd.00": {ADMIN, "scheduler"},
    "parked.rep.00": {ADMIN, "scheduler"},
    "parked.task.fetch.00.b-x.1.1": {ADMIN, "processor"},
    "parked.task.archive.00.b-x.1.1": {ADMIN, "archiver"},
    "parked.ev.00.b-x": {ADMIN},
    "say.worker": {"processor", "archiver"},
    "say.scheduler": {"scheduler"},
    "say.projected": {"projector"},
    "$KV.leases.owner.scheduler.00": {"scheduler"},
    "$KV.leases.member.scheduler.a": {"scheduler"},
    "$KV.leases.owner.projector.00": {"projector"},
    "$KV.leases.member.projector.a": {"projector"},
    "$KV.http.key": {"processor"},
    "$KV.hosts.h.a.example": {"processor"},
    "$O.snapshots.C.x": {ADMIN, "scheduler"},
    "$SYS.REQ.SERVER.PING": set(),
    "anything.else": set(),
    # what the consumers of others deliver
    f"{API}.CONSUMER.MSG.NEXT.CMD.scheduler-00": {ADMIN, "scheduler"},
    f"{API}.CONSUMER.MSG.NEXT.REPORTS.scheduler-00": {ADMIN, "scheduler"},
    f"{API}.CONSUMER.MSG.NEXT.TASKS.fetch-workers": {ADMIN, "processor"},
    f"{API}.CONSUMER.MSG.NEXT.TASKS.archive-workers": {ADMIN, "archiver"},
    f"{API}.CONSUMER.MSG.NEXT.EVENTS.x": READERS,
    f"{API}.CONSUMER.MSG.NEXT.PARKED.x": {ADMIN, "projector"},
    f"{API}.CONSUMER.MSG.NEXT.KV_http.x": {ADMIN, "projector"},
    f"{API}.CONSUMER.MSG.NEXT.KV_leases.x": {ADMIN},
    f"{API}.CONSUMER.MSG.NEXT.KV_hosts.x": {ADMIN},
    f"{API}.CONSUMER.MSG.NEXT.OBJ_snapshots.x": {ADMIN},
    # acknowledging takes a message out of a queue for ever
    "$JS.ACK.CMD.scheduler-00.1.1.1.1.0": {ADMIN, "scheduler"},
    "$JS.ACK._.hash.CMD.scheduler-00.1.1.1.1.0.x": {ADMIN, "scheduler"},
    "$JS.ACK.REPORTS.scheduler-00.1.1.1.1.0": {ADMIN, "scheduler"},
    "$JS.ACK.TASKS.fetch-workers.1.1.1.1.0": {ADMIN, "processor"},
    "$JS.ACK._.hash.TASKS.fetch-workers.1.1.1.1.0.x": {ADMIN, "processor"},
    "$JS.ACK.TASKS.archive-workers.1.1.1.1.0": {ADMIN, "archiver"},
    "$JS.ACK.EVENTS.x.1.1.1.1.0": {ADMIN, "subscriber"},
    "$JS.FC.EVENTS.x.1": {ADMIN, "subscriber"},
    f"{API}.CONSUMER.RESET.CMD.scheduler-00": {ADMIN, "scheduler"},
    f"{API}.CONSUMER.RESET.REPORTS.scheduler-00": {ADMIN, "scheduler"},
    f"{API}.CONSUMER.RESET.TASKS.fetch-workers": {ADMIN},
    f"{API}.CONSUMER.DELETE.CMD.scheduler-00": {ADMIN},
    f"{API}.CONSUMER.DELETE.REPORTS.scheduler-00": {ADMIN},
    f"{API}.CONSUMER.DELETE.TASKS.fetch-workers": {ADMIN},
    f"{API}.CONSUMER.DELETE.EVENTS.x": READERS,
    # consumers with a name stay; those of the queues are provision's, or derived
    f"{API}.CONSUMER.CREATE.EVENTS": READERS,
    f"{API}.CONSUMER.CREATE.EVENTS.name.ev.>": {ADMIN, "subscriber"},
    f"{API}.CONSUMER.CREATE.PARKED": {ADMIN, "projector"},
    f"{API}.CONSUMER.CREATE.KV_http": {ADMIN, "projector"},
    f"{API}.CONSUMER.CREATE.KV_leases": {ADMIN},
    f"{API}.CONSUMER.CREATE.CMD": {ADMIN},
    f"{API}.CONSUMER.CREATE.CMD.name": {ADMIN},
    f"{API}.CONSUMER.CREATE.TASKS": {ADMIN},
    f"{API}.CONSUMER.CREATE.REPORTS": {ADMIN},
    f"{API}.CONSUMER.DURABLE.CREATE.CMD.scheduler-00": {ADMIN},
    f"{API}.CONSUMER.DURABLE.CREATE.REPORTS.scheduler-00": {ADMIN, "scheduler"},
    f"{API}.CONSUMER.DURABLE.CREATE.TASKS.fetch-workers": {ADMIN, "scheduler"},
    f"{API}.CONSUMER.DURABLE.CREATE.EVENTS.x": {ADMIN, "subscriber"},
    f"{API}.CONSUMER.PAUSE.CMD.scheduler-00": {ADMIN},
    # single messages
    f"{API}.DIRECT.GET.EVENTS": READERS,
    f"{API}.DIRECT.GET.PARKED": {ADMIN},
    f"{API}.DIRECT.GET.KV_leases": {ADMIN, "scheduler", "projector"},
    f"{API}.DIRECT.GET.KV_http.$KV.http.key": {ADMIN, "processor"},
    f"{API}.DIRECT.GET.KV_hosts.$KV.hosts.h.a": {ADMIN, "processor"},
    f"{API}.DIRECT.GET.OBJ_snapshots": {ADMIN, "scheduler"},
    **{f"{API}.STREAM.MSG.GET.{s}": {ADMIN} for s in STREAMS if s != "OBJ_snapshots"},
    f"{API}.STREAM.MSG.GET.OBJ_snapshots": {ADMIN, "scheduler"},
    # streams
    **{f"{API}.STREAM.CREATE.{stream}": {ADMIN} for stream in (*LASTING, "ANOTHER")},
    **{f"{API}.STREAM.CREATE.{stream}": {ADMIN, "scheduler"} for stream in DERIVED},
    **{
        f"{API}.STREAM.{verb}.{stream}": {ADMIN}
        for verb in ("UPDATE", "DELETE", "MSG.DELETE", "SNAPSHOT", "RESTORE", "LEADER.STEPDOWN")
        for stream in STREAMS
    },
    **{
        f"{API}.STREAM.PURGE.{stream}": {ADMIN}
        for stream in STREAMS
        if stream not in {"EVENTS", "OBJ_snapshots"}
    },
    f"{API}.STREAM.PURGE.EVENTS": {ADMIN, "scheduler"},
    f"{API}.STREAM.PURGE.OBJ_snapshots": {ADMIN, "scheduler"},
    f"{API}.STREAM.INFO.EVENTS": READERS,
    f"{API}.STREAM.INFO.CMD": {ADMIN, "scheduler", "projector"},
    f"{API}.STREAM.INFO.TASKS": {ADMIN, "scheduler"},
    f"{API}.STREAM.LIST": {ADMIN},
    f"{API}.INFO": {ADMIN},
}

SUBSCRIBE: dict[str, set[str]] = {
    **{f"_INBOX_{user}.x.*": {user} for user in ALL},
    **{f"_INBOX_{user}.>": {user} for user in ALL},
    "_INBOX.>": set(),
    ">": set(),
    "*.>": set(),
    "cmd.*": set(),
    "rep.*": set(),
    "ev.>": set(),
    "task.>": set(),
    "parked.>": set(),
    "say.*": {ADMIN, "api", "scheduler", "projector"},
    "say.projected": {ADMIN, "api", "scheduler", "projector", "subscriber"},
    "$KV.hosts.h.a": {"processor"},
    "$KV.leases.>": set(),
    "$KV.http.>": set(),
    "$JS.API.>": set(),
    "$JS.ACK.>": set(),
    "$JS.EVENT.>": set(),
    "$SYS.>": set(),
}


@pytest.mark.parametrize("user", ALL)
async def test_each_user_may_what_the_tables_say_and_nothing_else(users_bus, user):
    answers = {
        f"_INBOX_{of}.x.y": {"scheduler"} if of in {"api", ADMIN} else set() for of in ALL
    }  # only the scheduler answers, and only who commands
    wrong = []
    async with Users(users_bus) as users:
        for subject, allowed in {**PUBLISH, **answers}.items():
            if await users.may_publish(user, subject) != (user in allowed):
                wrong.append(f"publish to {subject}")
        for subject, allowed in SUBSCRIBE.items():
            if await users.may_subscribe(user, subject) != (user in allowed):
                wrong.append(f"subscribe to {subject}")
    assert wrong == []
