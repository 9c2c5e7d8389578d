"""Lists out of the SQLite projection: exact totals from counts, pages by walking one index."""

# ruff: noqa: S608 - names of tables, columns and indexes are this product's own constants

import sqlite3
from collections.abc import Sequence
from typing import Any

import msgspec

from services.api.store import BatchQuery, JobQuery
from services.api.store_sqlite_acls import json_list, visible
from services.api.store_sqlite_schema import index_name

FEW = 20_000  # rows that may be collected and sorted, where their order has no index


class _Search(msgspec.Struct, frozen=True):
    """What a list looks for: equal columns, and acls (None for all)."""

    table: str
    equal: dict[str, Any]
    acls: list[int] | None

    def where(self, columns: Sequence[str]) -> str:
        """The condition on those of these columns that are looked for."""
        terms = [f"{column} = :{column}" for column in columns if column in self.equal]
        if "acl" in columns and self.acls is not None:
            terms.append(
                "acl = :acl"
                if len(self.acls) == 1
                else "acl IN (SELECT value FROM json_each(:acls))"
            )
        return " AND ".join(terms) or "TRUE"

    def parameters(self) -> dict[str, Any]:
        """The values of all conditions."""
        acls = self.acls or []
        return self.equal | {"acl": acls[0] if acls else None, "acls": json_list(acls)}


def find(
    connection: sqlite3.Connection, table: str, query: JobQuery | BatchQuery
) -> tuple[int, list[bytes]]:
    """How many documents the query finds, and those of its page."""
    search = _search(connection, table, query)
    total, leading = _survey(connection, search)
    if query.skip >= total or query.limit == 0:
        return total, []
    found = connection.execute(
        page_sql(search, leading, query),
        search.parameters() | {"limit": query.limit, "skip": query.skip},
    )
    return total, [document for (document,) in found]


def page_sql(search: _Search, leading: str | None, query: JobQuery | BatchQuery) -> str:
    """The statement that walks one index until the page is full, then fetches its documents."""
    table, sort = search.table, query.sort
    index = index_name(table, leading, sort)
    return (
        f"SELECT document FROM ("
        f" SELECT position, {sort} AS sorted FROM {table} INDEXED BY {index}"
        f" WHERE {search.where(['acl', *search.equal])}"
        f" ORDER BY {sort} {query.order}, position {query.order} LIMIT :limit OFFSET :skip"
        f") JOIN {table}_documents USING (position)"
        f" ORDER BY sorted {query.order}, position {query.order}"
    )


def _search(connection: sqlite3.Connection, table: str, query: JobQuery | BatchQuery) -> _Search:
    wanted = (
        {"status": query.status, "batch_id": query.batch_id}
        if isinstance(query, JobQuery)
        else {"status": query.status, "archived": query.archived}
    )
    equal = {column: value for column, value in wanted.items() if value is not None}
    return _Search(table, equal, visible(connection, query.caller, query.owner))


def _survey(connection: sqlite3.Connection, search: _Search) -> tuple[int, str | None]:
    """The total, and the column whose index leads there over the fewest rows."""
    every = ["acl", *search.equal]
    alone = ", ".join(f"total(n) FILTER (WHERE {search.where([column])})" for column in every)
    found = connection.execute(
        f"SELECT total(n) FILTER (WHERE {search.where(every)}), {alone}"
        f" FROM {search.table}_counts WHERE {search.where(['batch_id'])}",
        search.parameters(),
    ).fetchone()
    total, rows = int(found[0]), dict(zip(every, found[1:], strict=True))
    if search.acls is None or (len(search.acls) != 1 and rows["acl"] > FEW):
        del rows["acl"]
    if "batch_id" in rows:
        return total, "batch_id"
    return total, min(rows, key=rows.__getitem__, default=None)
