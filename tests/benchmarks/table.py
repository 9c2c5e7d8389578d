"""What was measured: one row for each claim, printed as one table and written as JSON."""

import json
import statistics
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

WIDTH = 124


class Reach(NamedTuple):
    """The figure that a median is to reach, from below or from above."""

    value: float
    better: Literal["less", "more"]

    @property
    def text(self) -> str:
        return f"{'<=' if self.better == 'less' else '>='} {figure(self.value)}"

    def verdict(self, median: float) -> str:
        short = median - self.value if self.better == "less" else self.value - median
        return "reached" if short <= 0 else f"missed by {short / self.value:.0%}"


def at_most(value: float) -> Reach:
    return Reach(value, "less")


def at_least(value: float) -> Reach:
    return Reach(value, "more")


class Row(NamedTuple):
    """One figure, measured several times."""

    what: str
    unit: str
    samples: Sequence[float]
    reach: Reach | None
    compared: str

    @property
    def median(self) -> float:
        return statistics.median(self.samples)

    @property
    def verdict(self) -> str:
        return self.reach.verdict(self.median) if self.reach else ""

    def lines(self) -> list[str]:
        compared = textwrap.wrap(self.compared, WIDTH - 4)
        reach = f"{self.reach.text} {self.unit}" if self.reach else ""
        measured = f"{figure(self.median)} {self.unit}"
        span = f"{figure(min(self.samples))} .. {figure(max(self.samples))}"
        head = f"{self.what:<52}{measured:>16}{span:>20}{reach:>20}  {self.verdict}"
        return [head.rstrip(), *(f"    {line}" for line in compared)]

    def raw(self) -> dict[str, Any]:
        """As it stands in the JSON."""
        return {
            "what": self.what,
            "unit": self.unit,
            "samples": [*self.samples],
            "median": self.median,
            "reach": self.reach.text if self.reach else None,
            "verdict": self.verdict,
            "compared": self.compared,
        }


class Table:
    """All rows of a run, in the order in which they were measured."""

    def __init__(self) -> None:
        self._rows: list[Row] = []

    def add(
        self,
        what: str,
        samples: Sequence[float],
        unit: str,
        compared: str,
        reach: Reach | None = None,
    ) -> None:
        self._rows.append(Row(what, unit, samples, reach, compared))

    def lines(self) -> list[str]:
        head = f"{'what':<52}{'median':>16}{'min .. max':>20}{'reach':>20}"
        return [head, *(line for row in self._rows for line in row.lines())]

    def write(self, path: Path) -> None:
        rows = [row.raw() for row in self._rows]
        path.write_text(json.dumps(rows, indent=2) + "\n")

    def __bool__(self) -> bool:
        return bool(self._rows)


def figure(value: float) -> str:
    """Three significant digits, whole numbers from 100 on."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def percentile(samples: Sequence[float], percent: int) -> float:
    """The sample that ``percent`` of all do not exceed."""
    ordered = sorted(samples)
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)]
