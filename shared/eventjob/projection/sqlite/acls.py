"""Access in SQLite: one acl for each owner and set of readers."""

from collections.abc import Iterable

import msgspec

from eventjob.contracts.base import Access
from eventjob.domain.access import Caller, allowed_readers, may_read
from eventjob.projection.sqlite.generations import Generation

_ANONYMOUS = Caller(None)


class Acls:
    """The acls that a transaction needs, created on demand."""

    def __init__(self, generation: Generation) -> None:
        self._generation = generation
        self._known: dict[tuple[str | None, Access], int] = {}

    def of(self, owner: str | None, access: Access) -> int:
        """Return the acl of objects with this owner and access."""
        known = self._known.get((owner, access))
        if known is None:
            known = self._known[owner, access] = self._look_up(owner, access)
        return known

    def _look_up(self, owner: str | None, access: Access) -> int:
        # readers that a public object lists change nothing
        public = may_read(_ANONYMOUS, owner, access)
        names = [] if public else sorted(allowed_readers(owner, access))
        key = json_list([owner, public, *names])
        row = self._generation.execute("SELECT acl FROM acls_@ WHERE key = ?", (key,)).fetchone()
        return int(row[0]) if row else self._insert(key, owner, names, public=public)

    def _insert(self, key: str, owner: str | None, names: list[str], *, public: bool) -> int:
        inserted = self._generation.execute(
            "INSERT INTO acls_@ (key, owner, public) VALUES (?, ?, ?) RETURNING acl",
            (key, owner, public),
        )
        acl = int(inserted.fetchone()[0])
        self._generation.executemany(
            "INSERT INTO readers_@ VALUES (?, ?)", [(name, acl) for name in names]
        )
        return acl


def readable_acls(generation: Generation, caller: Caller, owner: str | None) -> list[int] | None:
    """Return the acls that ``caller`` may read, of one owner if given; None means all."""
    if caller.trusted:
        if owner is None:
            return None
        return _select(generation, "SELECT acl FROM acls_@ WHERE owner = ?", owner)
    readable = (
        "SELECT acl FROM acls_@ WHERE public UNION SELECT acl FROM readers_@ WHERE reader = ?",
        caller.user,
    )
    acls = _select(generation, *readable)
    if owner is None:
        return acls
    return sorted({*acls} & {*_select(generation, "SELECT acl FROM acls_@ WHERE owner = ?", owner)})


def json_list(values: Iterable[str | int | None]) -> str:
    """Encode values as one parameter for ``json_each``."""
    return msgspec.json.encode(list(values)).decode()


def _select(generation: Generation, sql: str, name: str | None) -> list[int]:
    return [acl for (acl,) in generation.execute(sql, (name,))]
