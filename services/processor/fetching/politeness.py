"""When a host may be asked again: pure arithmetic on what all processors share about it.

All moments are seconds on one clock, the bus's. A slot is a start that someone has reserved; the
start itself is decided when the time has come, on what is known of the host by then.
"""

import msgspec

LEASE_S = 20.0  # a process says more often than this that its requests still run


class Pace(msgspec.Struct, frozen=True):
    """The pause between two starts, and how many requests may run at a time."""

    delay_s: float
    per_host: int


class Share(msgspec.Struct, frozen=True, omit_defaults=True):
    """What one process does with the host, believed until ``until``."""

    until: float
    running: int = 0
    waits_since: float | None = None  # for a request of others to end


class HostState(msgspec.Struct, frozen=True, omit_defaults=True):
    """What all processes know of one host."""

    next_slot: float = 0.0  # nobody has reserved it
    next_start: float = 0.0  # no request starts before it
    not_before: float = 0.0  # the host has asked for it
    shares: dict[str, Share] = {}  # by process


def slot(state: HostState, now: float) -> float:
    """The first start that nobody else has reserved; ``now`` where there is no queue."""
    return max(now, state.next_slot, state.next_start, state.not_before)


def reserved(state: HostState, at: float, pace: Pace) -> HostState:
    """``state``, once someone means to start at the slot ``at``."""
    return msgspec.structs.replace(state, next_slot=at + pace.delay_s)


def earliest(state: HostState) -> float:
    """The moment before which no request starts."""
    return max(state.next_start, state.not_before)


def has_room(state: HostState, now: float, pace: Pace, me: str, running: int) -> bool:
    """Whether ``me``, with ``running`` requests, may have one more; who waits longer goes first."""
    others = [share for name, share in state.shares.items() if name != me and share.until > now]
    mine = state.shares.get(me, Share(now))
    since = now if mine.waits_since is None else mine.waits_since
    ahead = sum(s.waits_since is not None and s.waits_since < since for s in others)
    return running + sum(share.running for share in others) + ahead < pace.per_host


def started(state: HostState, now: float, pace: Pace, me: str) -> HostState:
    """``state``, once a request of ``me`` has started; where ``me`` waits on, it is the last."""
    after = now + pace.delay_s
    shares = {name: share for name, share in state.shares.items() if name != me}
    return msgspec.structs.replace(
        state, next_start=after, next_slot=max(state.next_slot, after), shares=shares
    )


def late(state: HostState, start: float, now: float, delay_s: float) -> float:
    """When a request goes out that could have done so at ``start``: it is not too close to others.

    The newest start was its own where the next one is no more than the pause after it.
    """
    is_newest = state.next_start <= start + delay_s
    return max(now, state.not_before) if is_newest else max(now, earliest(state))


def paused(state: HostState, until: float) -> HostState:
    """``state``, once a request has gone out later than it was meant to."""
    return msgspec.structs.replace(
        state, next_start=max(state.next_start, until), next_slot=max(state.next_slot, until)
    )


def silenced(state: HostState, until: float) -> HostState:
    """``state``, once the host has asked to be left alone."""
    return msgspec.structs.replace(state, not_before=max(state.not_before, until))


def shared(state: HostState, now: float, me: str, running: int, *, waits: bool) -> HostState:
    """``state``, once ``me`` has said what it does; what dead processes said is forgotten."""
    shares = {k: share for k, share in state.shares.items() if k != me and share.until > now}
    before = state.shares.get(me, Share(now)).waits_since
    since = (now if before is None else before) if waits else None
    if running or waits:
        shares[me] = Share(now + LEASE_S, running, since)
    return msgspec.structs.replace(state, shares=shares)
