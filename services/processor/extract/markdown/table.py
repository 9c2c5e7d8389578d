"""Convert data tables to Markdown; layout tables are left out."""

from collections.abc import Callable

from selectolax.lexbor import LexborNode

MAX_COLUMNS = 30  # more is unreadable as text
_NEVER_IN_CELL = "table, h1, h2, h3, h4, h5, h6"
_LAYOUT = f"{_NEVER_IN_CELL}, ul, ol, dl, pre, blockquote"

Row = list[LexborNode | None]  # None: covered by the cell before it


def table_rows(node: LexborNode) -> list[Row]:
    """Return the rows of a table that Markdown can show, else an empty list.

    It needs two columns or more, and cells that fit on a line.
    """
    forbidden = _NEVER_IN_CELL if node.css_first("th") else _LAYOUT
    if any(cell.css_first(forbidden) for cell in node.css("td, th")):
        return []
    rows = [_cells(row) for row in node.css("tr")]
    widest = max(map(len, rows), default=0)
    return [row for row in rows if row] if 1 < widest <= MAX_COLUMNS else []


def format_table(rows: list[Row], write: Callable[[LexborNode], str]) -> str:
    """Format the table; its header is empty if the page shows none.

    Args:
        rows: at least one.
        write: formats a cell on one line.
    """
    width = max(map(len, rows))
    head, body = ([], rows) if not _is_head(rows[0]) else (rows[0], rows[1:])
    texts = [[write(cell).replace("|", "\\|") if cell else "" for cell in row] for row in body]
    titles = [write(cell).replace("|", "\\|") if cell else "" for cell in head]
    lines = [titles, ["---"] * width, *texts]
    return "\n".join(_format_row(cells, width) for cells in lines)


def _cells(row: LexborNode) -> Row:
    cells: Row = []
    for cell in row.css("td, th"):
        span = cell.attributes.get("colspan") or ""
        spread = min(int(span[:3]), MAX_COLUMNS) if span.isdecimal() and int(span[:3]) else 1
        cells += [cell, *[None] * (spread - 1)]
    return cells


def _is_head(row: Row) -> bool:
    return all(cell is None or cell.tag == "th" for cell in row)


def _format_row(cells: list[str], width: int) -> str:
    padded = [*cells, *[""] * (width - len(cells))]
    return "|" + "".join(f" {cell} |" if cell else " |" for cell in padded)
