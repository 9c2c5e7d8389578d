"""The table: for each row and process both medians, and the median of the pairs' ratios."""

import statistics
from collections.abc import Iterator

from rows import Row
from side import Values
from table import figure

NOTED_ABOVE = 1.10
LEAST_SHARE = 0.02
ALL, CALIBRATION = "all", "calibration, ms"
EXPLAINED = """\
BASE and this commit are measured in turns. Each pair gives a ratio, this / BASE; shown are the
medians of both, then the median of the ratios, with the least and the most of them. "!" marks a
median above 1.10, which may be chance if the least is below 1.00. CPU is user and system time of a
process, by its own clock, with what it does beside the work meanwhile. "pool" are the processes
under the processor, "other" is what `up` runs for a moment. "all" is their sum; processes below 2 %
of it have no line of their own. Wall clock and "until" are no CPU time.
"calibration" is the CPU time of the same piece of Python before each measurement: where its ratio
is far from 1.00, or spans much, the machine has changed and the row says little."""

Pair = tuple[float, float]  # BASE, this


class Comparison:
    """What both sides have used, pair by pair."""

    def __init__(self) -> None:
        self._rows: dict[Row, dict[str, list[Pair]]] = {}

    def add(self, row: Row, base: Values, this: Values) -> None:
        """A pair; names with a comma are of what is measured beside the processes."""
        named = self._rows.setdefault(row, {})
        base, this = ({ALL: _summed(side), **side} for side in (base, this))
        for name in dict.fromkeys([*base, *this]):
            named.setdefault(name, []).append((base.get(name, 0.0), this.get(name, 0.0)))

    def lines(self) -> Iterator[str]:
        for row, named in self._rows.items():
            yield f"\n{row.what}; {row.unit}"
            yield f"  {'':<32}{'BASE':>10}{'this':>10}{'ratio':>8}   (min .. max)"
            least = LEAST_SHARE * max(_medians(named[ALL]))
            for name, pairs in named.items():
                if "," in name or max(_medians(pairs)) >= least:
                    yield _line(name, pairs)


def _summed(values: Values) -> float:
    return sum(value for name, value in values.items() if "," not in name)


def _medians(pairs: list[Pair]) -> Pair:
    base, this = zip(*pairs, strict=True)
    return statistics.median(base), statistics.median(this)


def _line(name: str, pairs: list[Pair]) -> str:
    base, this = _medians(pairs)
    ratios = [this / base if base else float("inf") for base, this in pairs]
    ratio = statistics.median(ratios)
    mark = "!" if ratio > NOTED_ABOVE else " "
    span = f"({min(ratios):.2f} .. {max(ratios):.2f})"
    return f"  {name:<32}{figure(base):>10}{figure(this):>10}{ratio:>8.2f}{mark}  {span}"
