"""Who may read what in the SQLite projection: one acl for each owner and set of readers."""

from collections.abc import Iterable

import msgspec

from eventjob.contracts.base import Access
from eventjob.domain.access import Caller, allowed_readers, may_read
from eventjob.projection.sqlite.generations import Generation

_WITHOUT_NAME = Caller(None)


class Acls:
    """The acls that a transaction needs, made where they are new."""

    def __init__(self, generation: Generation) -> None:
        self._generation = generation
        self._known: dict[tuple[str | None, Access], int] = {}

    def of(self, owner: str | None, access: Access) -> int:
        """The acl of objects with this owner and access."""
        known = self._known.get((owner, access))
        if known is None:
            known = self._known[owner, access] = self._look_up(owner, access)
        return known

    def _look_up(self, owner: str | None, access: Access) -> int:
        public = may_read(_WITHOUT_NAME, owner, access)
        names = [] if public else sorted(allowed_readers(owner, access))
        key = json_list([owner, public, *names])
        found = self._generation.execute("SELECT acl FROM acls_@ WHERE key = ?", (key,)).fetchone()
        return int(found[0]) if found else self._make(key, owner, names, public=public)

    def _make(self, key: str, owner: str | None, names: list[str], *, public: bool) -> int:
        made = self._generation.execute(
            "INSERT INTO acls_@ (key, owner, public) VALUES (?, ?, ?) RETURNING acl",
            (key, owner, public),
        )
        acl = int(made.fetchone()[0])
        self._generation.executemany(
            "INSERT INTO readers_@ VALUES (?, ?)", [(name, acl) for name in names]
        )
        return acl


def visible(generation: Generation, caller: Caller, owner: str | None) -> list[int] | None:
    """The acls of what ``caller`` may read, of one owner where given; None for all there are."""
    if caller.trusted:
        if owner is None:
            return None
        return _acls(generation, "SELECT acl FROM acls_@ WHERE owner = ?", owner)
    readable = (
        "SELECT acl FROM acls_@ WHERE public UNION SELECT acl FROM readers_@ WHERE reader = ?",
        caller.user,
    )
    found = _acls(generation, *readable)
    if owner is None:
        return found
    return sorted({*found} & {*_acls(generation, "SELECT acl FROM acls_@ WHERE owner = ?", owner)})


def json_list(values: Iterable[str | int | None]) -> str:
    """Values as one parameter, for ``json_each``."""
    return msgspec.json.encode(list(values)).decode()


def _acls(generation: Generation, sql: str, name: str | None) -> list[int]:
    return [acl for (acl,) in generation.execute(sql, (name,))]
