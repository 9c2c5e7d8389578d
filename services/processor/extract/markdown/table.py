"""Tables of a page as tables of Markdown, where they are tables and no layout."""

from collections.abc import Callable

from selectolax.lexbor import LexborNode

MOST_COLUMNS = 30
_HOLDING = "table, h1, h2, h3, h4, h5, h6"
_LAYOUT = f"{_HOLDING}, ul, ol, dl, pre, blockquote"

Row = list[LexborNode | None]  # None where a cell before it spreads


def rows_of(node: LexborNode) -> list[Row]:
    """The rows of a table that Markdown can show; none where it cannot.

    It can where there are two columns or more and each cell is a line, or
    can be written in one and stands under a heading of its own.
    """
    unlike = _HOLDING if node.css_first("th") else _LAYOUT
    if any(cell.css_first(unlike) for cell in node.css("td, th")):
        return []
    rows = [_cells(row) for row in node.css("tr")]
    widest = max(map(len, rows), default=0)
    return [row for row in rows if row] if 1 < widest <= MOST_COLUMNS else []


def written(rows: list[Row], line: Callable[[LexborNode], str]) -> str:
    """The table; its header is empty where the page shows none.

    Args:
        rows: at least one.
        line: writes what is in a cell.
    """
    width = max(map(len, rows))
    head, body = ([], rows) if not _is_head(rows[0]) else (rows[0], rows[1:])
    texts = [[line(cell).replace("|", "\\|") if cell else "" for cell in row] for row in body]
    titles = [line(cell).replace("|", "\\|") if cell else "" for cell in head]
    lines = [titles, ["---"] * width, *texts]
    return "\n".join(_row(cells, width) for cells in lines)


def _cells(row: LexborNode) -> Row:
    cells: Row = []
    for cell in row.css("td, th"):
        span = cell.attributes.get("colspan") or ""
        spread = min(int(span[:3]), MOST_COLUMNS) if span.isdecimal() and int(span[:3]) else 1
        cells += [cell, *[None] * (spread - 1)]
    return cells


def _is_head(row: Row) -> bool:
    return all(cell is None or cell.tag == "th" for cell in row)


def _row(cells: list[str], width: int) -> str:
    padded = [*cells, *[""] * (width - len(cells))]
    return "|" + "".join(f" {cell} |" if cell else " |" for cell in padded)
