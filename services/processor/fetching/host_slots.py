"""Rate limit arithmetic (pure) on the state that all processors share about a host.

Times are seconds on the bus's clock. A slot is a reserved start; the start itself is
decided when its time has come, on the newest state.
"""

import msgspec

LEASE_S = 20.0  # without renewal, a process's requests count as ended after it


class Pace(msgspec.Struct, frozen=True):
    """The pause between two starts, and the limit of concurrent requests."""

    delay_s: float
    per_host: int


class Share(msgspec.Struct, frozen=True, omit_defaults=True):
    """What one process does with the host, valid until ``until``."""

    until: float
    running: int = 0
    waits_since: float | None = None  # for a request of others to end


class HostState(msgspec.Struct, frozen=True, omit_defaults=True):
    """The shared state of one host."""

    next_slot: float = 0.0  # the first unreserved one
    next_start: float = 0.0  # no request starts before it
    not_before: float = 0.0  # asked by the host (Retry-After, 429, 503)
    shares: dict[str, Share] = {}  # by process


def first_free_slot(state: HostState, now: float) -> float:
    """Return the first unreserved start, at the earliest ``now``."""
    return max(now, state.next_slot, state.next_start, state.not_before)


def reserve_slot(state: HostState, slot: float, pace: Pace) -> HostState:
    """Return ``state`` with ``slot`` reserved."""
    return msgspec.structs.replace(state, next_slot=slot + pace.delay_s)


def earliest_start(state: HostState) -> float:
    """Return the time before which requests must wait."""
    return max(state.next_start, state.not_before)


def has_room(state: HostState, now: float, pace: Pace, me: str, running: int) -> bool:
    """True if process ``me`` with ``running`` requests may start one more, in its turn."""
    others = [share for name, share in state.shares.items() if name != me and share.until > now]
    mine = state.shares.get(me, Share(now))
    since = now if mine.waits_since is None else mine.waits_since
    ahead = sum(s.waits_since is not None and s.waits_since < since for s in others)
    return running + sum(share.running for share in others) + ahead < pace.per_host


def record_start(state: HostState, now: float, pace: Pace, me: str) -> HostState:
    """Return ``state`` after a start of ``me``, which goes to the end of the queue."""
    after = now + pace.delay_s
    shares = {name: share for name, share in state.shares.items() if name != me}
    return msgspec.structs.replace(
        state, next_start=after, next_slot=max(state.next_slot, after), shares=shares
    )


def late_start(state: HostState, start: float, now: float, delay_s: float) -> float:
    """Return when a request may go out that could have at ``start``.

    If its start is the newest, only the host's pause counts; else the newest start's, too.
    """
    is_newest = state.next_start <= start + delay_s
    return max(now, state.not_before) if is_newest else max(now, earliest_start(state))


def postpone_starts(state: HostState, until: float) -> HostState:
    """Return ``state`` after a request has gone out later than planned."""
    return msgspec.structs.replace(
        state, next_start=max(state.next_start, until), next_slot=max(state.next_slot, until)
    )


def apply_pause(state: HostState, until: float) -> HostState:
    """Return ``state`` after the host has asked for a pause."""
    return msgspec.structs.replace(state, not_before=max(state.not_before, until))


def set_share(state: HostState, now: float, me: str, running: int, *, waits: bool) -> HostState:
    """Return ``state`` with the share of ``me`` replaced, and expired shares dropped."""
    shares = {k: share for k, share in state.shares.items() if k != me and share.until > now}
    before = state.shares.get(me, Share(now)).waits_since
    since = (now if before is None else before) if waits else None
    if running or waits:  # an idle process has no share: entries stay small
        shares[me] = Share(now + LEASE_S, running, since)
    return msgspec.structs.replace(state, shares=shares)
