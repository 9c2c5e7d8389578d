"""What was measured: a row for each figure, printed as one table."""

import statistics
import textwrap
from collections.abc import Sequence
from typing import Any

WIDTH = 124


class Table:
    """The rows of a run, in the order in which they were measured."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.raw: list[dict[str, Any]] = []

    def add(
        self,
        what: str,
        samples: Sequence[float],
        unit: str,
        compared: str,
        *,
        at_most: float | None = None,
        at_least: float | None = None,
    ) -> None:
        """A figure measured several times, and the target for its median where there is one."""
        self.raw.append({"what": what, "unit": unit, "samples": [*samples]})
        if not self.lines:
            self.lines.append(f"{'what':<52}{'median':>16}{'min .. max':>20}{'reach':>20}")
        median = statistics.median(samples)
        span = f"{figure(min(samples))} .. {figure(max(samples))}"
        reach = verdict = ""
        if at_most is not None:
            reach, verdict = f"<= {figure(at_most)} {unit}", judged(median - at_most, at_most)
        elif at_least is not None:
            reach, verdict = f">= {figure(at_least)} {unit}", judged(at_least - median, at_least)
        measured = f"{figure(median)} {unit}"
        self.lines.append(f"{what:<52}{measured:>16}{span:>20}{reach:>20}  {verdict}".rstrip())
        self.lines += [f"    {line}" for line in textwrap.wrap(compared, WIDTH - 4)]


def judged(missing: float, target: float) -> str:
    return "reached" if missing <= 0 else f"missed by {missing / target:.0%}"


def figure(value: float) -> str:
    """Three significant digits, whole numbers from 100 on."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def figures(values: Sequence[float]) -> str:
    return "; ".join(map(figure, values))


def percentile(samples: Sequence[float], percent: int) -> float:
    """The sample that ``percent`` of all do not exceed."""
    ordered = sorted(samples)
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)]
