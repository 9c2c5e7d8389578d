"""What one process sees of the leases of its role, and what it should do about them."""

import math
from collections.abc import Iterable, Mapping, Sequence
from operator import attrgetter
from typing import NamedTuple

BELIEVED_FOR_S = 3.0  # without a change for so long, whoever should renew is dead
LONGEST_GAP_S = 1.5  # between two looks; after more the observer was away, not the others


class LeaseKey(NamedTuple):
    """A key as it stands in the bucket."""

    kind: str  # member, or owner
    name: str  # of the member, or of the part
    value: str  # a member's incarnation, or a part's owner; "" where there is none
    revision: int


class LeasePlan(NamedTuple):
    """The parts to take, and those to give up."""

    claim: list[str]
    release: list[str]


class LeaseView:
    """Members and owners, as last seen."""

    def __init__(self) -> None:
        self._members: dict[str, LeaseKey] = {}
        self._owners: dict[str, LeaseKey] = {}
        self._changed_at: dict[str, float] = {}
        self._looked_at = -math.inf

    def update(self, found: Iterable[LeaseKey], now: float) -> None:
        """Note all keys there are at the moment ``now``, in seconds of the observer's own clock."""
        seen = [self._newer(key) for key in found]
        members = {key.name: key for key in seen if key.kind == "member"}
        self._owners |= {key.name: key for key in seen if key.kind == "owner"}
        was_away = now - self._looked_at > LONGEST_GAP_S
        for name, key in members.items():
            if was_away or key.revision > self.revision("member", name):
                self._changed_at[name] = now
        self._members = members
        self._looked_at = now

    def _newer(self, key: LeaseKey) -> LeaseKey:
        """The key, or what is known of it: the server that was asked may be behind others."""
        known = (self._members if key.kind == "member" else self._owners).get(key.name, key)
        return max(known, key, key=attrgetter("revision"))

    def trust_all(self, now: float) -> None:
        """Believe all members from ``now``: where nobody could renew, silence says nothing."""
        self._changed_at = dict.fromkeys(self._members, now)

    def record(self, key: LeaseKey) -> None:
        """Note a key that this process has just written."""
        (self._members if key.kind == "member" else self._owners)[key.name] = key

    def revision(self, kind: str, name: str) -> int:
        """The last revision of a key; 0 where there is none."""
        key = (self._members if kind == "member" else self._owners).get(name)
        return 0 if key is None else key.revision

    def incarnation(self, member: str) -> str:
        """Who goes by this name; "" for nobody."""
        key = self._members.get(member)
        return "" if key is None else key.value

    def live_members(self, now: float) -> set[str]:
        """The members that are believed to be alive."""
        return {
            name
            for name, key in self._members.items()
            if key.value and now - self._changed_at.get(name, now) < BELIEVED_FOR_S
        }

    @property
    def owners(self) -> dict[str, str]:
        """Whose each part is, by part; "" for nobody's."""
        return {part: key.value for part, key in self._owners.items()}

    def parts_of(self, member: str) -> frozenset[str]:
        """What is in a member's name."""
        return frozenset(part for part, key in self._owners.items() if key.value == member)


def plan_leases(
    me: str, parts: Sequence[str], live: set[str], owners: Mapping[str, str]
) -> LeasePlan:
    """What brings ``me`` to its share of ``parts``: even among the living, rounded up.

    Whoever has more than that gives it up, which is only so while somebody else has less.
    """
    alive = live | {me}
    share = -(-len(parts) // len(alive))
    mine = [part for part in parts if owners.get(part) == me]
    free = [part for part in parts if owners.get(part, "") not in alive]
    return LeasePlan(claim=free[: max(share - len(mine), 0)], release=mine[share:])
