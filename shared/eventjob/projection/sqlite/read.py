"""Lists out of the SQLite projection: pages merged from stretches of one index, exact totals.

An index has rows with the same values of its leading columns in the order that is asked for. A
query looks for some of these values: the page is merged from a stretch for each combination of
them, one step in the index for each row. So it costs what its size and the number of combinations
cost, however many documents there are; only what is skipped is walked over.
"""

# ruff: noqa: S608 - names of tables, columns and indexes are this product's own constants

from collections.abc import Iterable
from typing import Any, NamedTuple, get_args

import msgspec

from eventjob.projection.read_model import Status
from eventjob.projection.sqlite.acls import json_list, visible
from eventjob.projection.sqlite.generations import Generation
from eventjob.projection.sqlite.schema import LEADING, index_name
from eventjob.projection.store import BatchQuery, JobQuery, PageStart

_POSSIBLE = {"status": get_args(Status), "archived": (False, True)}


class Found(NamedTuple):
    """A page's documents as they are stored."""

    total: int | None
    documents: list[bytes]
    next: PageStart | None


class Search(msgspec.Struct, frozen=True):
    """What a list looks for: the values that columns may have; all others may have any."""

    table: str
    wanted: dict[str, str]  # JSON lists
    order: str
    sort: str

    @property
    def where(self) -> str:
        """The condition on a table that has all these columns."""
        terms = [f"{column} IN (SELECT value FROM json_each(:{column}))" for column in self.wanted]
        return " AND ".join(terms) or "TRUE"

    @property
    def leading(self) -> tuple[str, ...]:
        """The leading columns of the index that serves it."""
        every = LEADING[self.table]
        return next((columns for columns in every if columns[0] in self.wanted), every[-1])


def find(generation: Generation, table: str, query: JobQuery | BatchQuery) -> Found:
    """The page that the query asks for."""
    search = search_of(generation, table, query)
    total = _total(generation, search) if query.counted else None
    if query.limit == 0:
        return Found(total, [], None)
    after = query.after or PageStart(0, 0)
    rows = generation.execute(
        page_sql(search, is_first=query.after is None),
        search.wanted
        | {"time": after.time_ms, "position": after.position}
        | {"most": query.limit + 1, "skip": 0 if query.after else query.skip},
    ).fetchall()
    page = rows[: query.limit]
    following = PageStart(*page[-1][:2]) if len(rows) > len(page) else None
    return Found(total, [document for *_, document in page], following)


def search_of(generation: Generation, table: str, query: JobQuery | BatchQuery) -> Search:
    """What the query looks for, with the access of its caller."""
    wanted: dict[str, Iterable[Any] | None] = {
        "acl": visible(generation, query.caller, query.owner),
        "status": query.status and [query.status],
    }
    if isinstance(query, JobQuery):
        wanted["batch_id"] = query.batch_id and [query.batch_id]
    else:
        wanted["archived"] = None if query.archived is None else [query.archived]
    given = {column: json_list(values) for column, values in wanted.items() if values is not None}
    return Search(table, given, query.order, query.sort)


def page_sql(search: Search, *, is_first: bool) -> str:
    """The statement that finds ``:most`` rows, as (time, position, document), and these in order.

    A row's successor in its stretch is the next one of the same time, else the first of the next.
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
    going_on = behind("stretch.time", "stretch.position")
    columns = ", ".join(search.leading)
    row = f"{', '.join(f'stretch.{column}' for column in search.leading)}, {sort}, found.position"
    return (
        f"WITH RECURSIVE stretches ({columns}) AS ({_stretches(search)}),"
        f" walk ({columns}, time, position) AS ("
        f"SELECT {row} FROM stretches AS stretch"
        f" CROSS JOIN {table}_@ AS found ON found.position = {begin}"
        f" UNION ALL SELECT {row} FROM walk AS stretch"
        f" CROSS JOIN {table}_@ AS found ON found.position = {going_on}"
        f" ORDER BY {len(search.leading) + 1} {order}, {len(search.leading) + 2} {order}"
        " LIMIT :most OFFSET :skip)"
        f" SELECT time, position, document FROM walk CROSS JOIN {table}_documents_@"
        f" USING (position) ORDER BY time {order}, position {order}"
    )


def _stretches(search: Search) -> str:
    """The combinations of leading values; those within a batch are known from its counts."""
    columns = ", ".join(search.leading)
    if "batch_id" in search.leading:
        return f"SELECT {columns} FROM jobs_counts_@ WHERE {search.where}"
    lists = [f"{_values(search, column)} AS {column}" for column in search.leading]
    values = ", ".join(f"{column}.value" for column in search.leading)
    return f"SELECT {values} FROM {', '.join(lists)}"


def _values(search: Search, column: str) -> str:
    if column in search.wanted:
        return f"json_each(:{column})"
    if column == "acl":
        return "(SELECT acl AS value FROM acls_@)"
    return f"json_each('{json_list(_POSSIBLE[column])}')"


def _total(generation: Generation, search: Search) -> int:
    found = generation.execute(
        f"SELECT total(n) FROM {search.table}_counts_@ WHERE {search.where}", search.wanted
    )
    return int(found.fetchone()[0])
