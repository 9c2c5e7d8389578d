"""One process's view of its role's leases, and the plan that follows from it."""

import math
from collections.abc import Iterable, Mapping, Sequence
from operator import attrgetter
from typing import NamedTuple

BELIEVED_FOR_S = 3.0  # a member whose key is unchanged for so long counts as dead
LONGEST_GAP_S = 1.5  # between two updates; after a longer gap the observer itself was frozen


class LeaseKey(NamedTuple):
    """A key as stored in the bucket."""

    kind: str  # member, or owner
    name: str  # of the member, or of the part
    value: str  # a member's incarnation, or a part's owner; "" for none
    revision: int


class LeasePlan(NamedTuple):
    """Parts to claim, and parts to release."""

    claim: list[str]
    release: list[str]


class LeaseView:
    """Members and owners as last seen."""

    def __init__(self) -> None:
        self._members: dict[str, LeaseKey] = {}
        self._owners: dict[str, LeaseKey] = {}
        self._changed_at: dict[str, float] = {}
        self._looked_at = -math.inf

    def update(self, found: Iterable[LeaseKey], now: float) -> None:
        """Record all keys as of ``now``, in seconds of this process's own clock."""
        seen = [self._newer(key) for key in found]
        members = {key.name: key for key in seen if key.kind == "member"}
        self._owners |= {key.name: key for key in seen if key.kind == "owner"}
        was_away = now - self._looked_at > LONGEST_GAP_S
        for name, key in members.items():
            # After a freeze of our own, silence of others says nothing: start counting anew.
            if was_away or key.revision > self.revision("member", name):
                self._changed_at[name] = now
        self._members = members
        self._looked_at = now

    def _newer(self, key: LeaseKey) -> LeaseKey:
        """Return the newer of the key and the known one: a server may lag behind others."""
        known = (self._members if key.kind == "member" else self._owners).get(key.name, key)
        return max(known, key, key=attrgetter("revision"))

    def trust_all(self, now: float) -> None:
        """Believe all members from ``now``: after an outage, a silent member may be alive."""
        self._changed_at = dict.fromkeys(self._members, now)

    def record(self, key: LeaseKey) -> None:
        """Record a key that this process has just written."""
        (self._members if key.kind == "member" else self._owners)[key.name] = key

    def revision(self, kind: str, name: str) -> int:
        """Return the last revision of a key, 0 for an unknown one."""
        key = (self._members if kind == "member" else self._owners).get(name)
        return 0 if key is None else key.revision

    def incarnation(self, member: str) -> str:
        """Return the process that uses this name, or ""."""
        key = self._members.get(member)
        return "" if key is None else key.value

    def live_members(self, now: float) -> set[str]:
        """Return the members that are believed to be alive."""
        return {
            name
            for name, key in self._members.items()
            if key.value and now - self._changed_at.get(name, now) < BELIEVED_FOR_S
        }

    @property
    def owners(self) -> dict[str, str]:
        """Owner of each part, "" for a free one."""
        return {part: key.value for part, key in self._owners.items()}

    def parts_of(self, member: str) -> frozenset[str]:
        """Return the parts that a member owns."""
        return frozenset(part for part, key in self._owners.items() if key.value == member)


def plan_leases(
    me: str, parts: Sequence[str], live: set[str], owners: Mapping[str, str]
) -> LeasePlan:
    """Plan how ``me`` gets its even share of ``parts`` among the living, rounded up.

    A surplus is released: it exists only while another member has less.
    """
    alive = live | {me}
    share = -(-len(parts) // len(alive))
    mine = [part for part in parts if owners.get(part) == me]
    free = [part for part in parts if owners.get(part, "") not in alive]
    return LeasePlan(claim=free[: max(share - len(mine), 0)], release=mine[share:])
