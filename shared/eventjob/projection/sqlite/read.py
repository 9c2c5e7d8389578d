"""Read lists from SQLite: pages merged from stretches of one index, and exact totals.

An index sorts rows with equal leading columns. A query allows some values of these columns: the
page is merged from one stretch for each combination, at one index step a row. So its cost depends
on its size and the number of combinations; only ``skip`` walks over rows.
"""

# ruff: noqa: S608 - names of tables, columns and indexes are this product's own constants

from collections.abc import Iterable
from typing import Any, NamedTuple, get_args

import msgspec

from eventjob.projection.read_model import Status
from eventjob.projection.sqlite.acls import json_list, readable_acls
from eventjob.projection.sqlite.generations import Generation
from eventjob.projection.sqlite.schema import LEADING, index_name
from eventjob.projection.store import BatchQuery, JobQuery, PageStart

_POSSIBLE = {"status": get_args(Status), "archived": (False, True)}


class FoundPage(NamedTuple):
    """A page's documents in their stored form."""

    total: int | None
    documents: list[bytes]
    next: PageStart | None


class Search(msgspec.Struct, frozen=True):
    """Conditions of a list: allowed values by column; other columns are unrestricted."""

    table: str
    allowed: dict[str, str]  # JSON lists
    order: str
    sort: str

    @property
    def where(self) -> str:
        """The condition on a table that has all these columns."""
        terms = [f"{column} IN (SELECT value FROM json_each(:{column}))" for column in self.allowed]
        return " AND ".join(terms) or "TRUE"

    @property
    def leading(self) -> tuple[str, ...]:
        """The leading columns of the index to walk."""
        indexes = LEADING[self.table]
        return next((columns for columns in indexes if columns[0] in self.allowed), indexes[-1])


def find_page(generation: Generation, table: str, query: JobQuery | BatchQuery) -> FoundPage:
    """Return the page that the query asks for."""
    search = make_search(generation, table, query)
    total = _count_total(generation, search) if query.counted else None
    if query.limit == 0:
        return FoundPage(total, [], None)
    after = query.after or PageStart(0, 0)
    # one row more than the page: it tells that another page follows
    rows = generation.execute(
        build_page_sql(search, is_first=query.after is None),
        search.allowed
        | {"time": after.time_ms, "position": after.position}
        | {"most": query.limit + 1, "skip": 0 if query.after else query.skip},
    ).fetchall()
    page = rows[: query.limit]
    next_start = PageStart(*page[-1][:2]) if len(rows) > len(page) else None
    return FoundPage(total, [document for *_, document in page], next_start)


def make_search(generation: Generation, table: str, query: JobQuery | BatchQuery) -> Search:
    """Return the search for a query, limited to what its caller may read."""
    allowed: dict[str, Iterable[Any] | None] = {
        "acl": readable_acls(generation, query.caller, query.owner),
        "status": query.status and [query.status],
    }
    if isinstance(query, JobQuery):
        allowed["batch_id"] = query.batch_id and [query.batch_id]
    else:
        allowed["archived"] = None if query.archived is None else [query.archived]
    lists = {column: json_list(values) for column, values in allowed.items() if values is not None}
    return Search(table, lists, query.order, query.sort)


def build_page_sql(search: Search, *, is_first: bool) -> str:
    """Return the statement that finds ``:most`` rows (time, position, document) in order.

    A row's successor in its stretch has the same time, or is the first row of the next time.
    """
    table, sort, order = search.table, search.sort, search.order
    forward = "<" if order == "desc" else ">"
    same = " AND ".join(f"{column} = stretch.{column}" for column in search.leading)

    def first(condition: str) -> str:
        return (
            f"(SELECT position FROM {table}_@ INDEXED BY {index_name(table, search.leading, sort)}"
            f" WHERE {same}{condition} ORDER BY {sort} {order}, position {order} LIMIT 1)"
        )

    def behind(time: str, position: str) -> str:
        tie = first(f" AND {sort} = {time} AND position {forward} {position}")
        return f"coalesce({tie}, {first(f' AND {sort} {forward} {time}')})"

    begin = first("") if is_first else behind(":time", ":position")
    successor = behind("stretch.time", "stretch.position")
    columns = ", ".join(search.leading)
    row = f"{', '.join(f'stretch.{column}' for column in search.leading)}, {sort}, found.position"
    return (
        f"WITH RECURSIVE stretches ({columns}) AS ({_stretches_sql(search)}),"
        f" walk ({columns}, time, position) AS ("
        f"SELECT {row} FROM stretches AS stretch"
        f" CROSS JOIN {table}_@ AS found ON found.position = {begin}"
        f" UNION ALL SELECT {row} FROM walk AS stretch"
        f" CROSS JOIN {table}_@ AS found ON found.position = {successor}"
        f" ORDER BY {len(search.leading) + 1} {order}, {len(search.leading) + 2} {order}"
        " LIMIT :most OFFSET :skip)"
        f" SELECT time, position, document FROM walk CROSS JOIN {table}_documents_@"
        f" USING (position) ORDER BY time {order}, position {order}"
    )


def _stretches_sql(search: Search) -> str:
    """Select the combinations of leading values, one for each stretch."""
    columns = ", ".join(search.leading)
    # a batch has few combinations: look them up instead of trying all of them
    if "batch_id" in search.leading:
        return f"SELECT {columns} FROM jobs_counts_@ WHERE {search.where}"
    lists = [f"{_values_sql(search, column)} AS {column}" for column in search.leading]
    values = ", ".join(f"{column}.value" for column in search.leading)
    return f"SELECT {values} FROM {', '.join(lists)}"


def _values_sql(search: Search, column: str) -> str:
    if column in search.allowed:
        return f"json_each(:{column})"
    if column == "acl":
        return "(SELECT acl AS value FROM acls_@)"
    return f"json_each('{json_list(_POSSIBLE[column])}')"


def _count_total(generation: Generation, search: Search) -> int:
    cursor = generation.execute(
        f"SELECT total(n) FROM {search.table}_counts_@ WHERE {search.where}", search.allowed
    )
    return int(cursor.fetchone()[0])
