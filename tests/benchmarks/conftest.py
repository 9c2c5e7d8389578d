"""The table that all benchmarks fill, printed when they are done."""

import json
import os
from pathlib import Path

import pytest
from table import Table

_table = Table()


@pytest.fixture(scope="session")
def table() -> Table:
    return _table


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if _table.lines:
        load = ", ".join(f"{load:.1f}" for load in os.getloadavg())
        terminalreporter.section(f"measured on {os.cpu_count()} cores, load {load}")
        terminalreporter.write_line("\n".join(_table.lines))
        if path := os.environ.get("EVENTJOB_BENCH_JSON"):
            Path(path).write_text(json.dumps(_table.raw, indent=2) + "\n")
