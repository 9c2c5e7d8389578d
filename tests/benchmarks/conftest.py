"""The table that all benchmarks fill, printed when they are done."""

import os
from pathlib import Path

import pytest
from table import Table

JSON = "EVENTJOB_BENCH_JSON"

_table = pytest.StashKey[Table]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_table] = Table()


@pytest.fixture
def table(pytestconfig: pytest.Config) -> Table:
    return pytestconfig.stash[_table]


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    table = config.stash[_table]
    if not table:
        return
    load = ", ".join(f"{load:.1f}" for load in os.getloadavg())
    terminalreporter.section(f"measured on {os.cpu_count()} cores, load {load}")
    for line in table.lines():
        terminalreporter.write_line(line)
    if os.environ.get(JSON):
        table.write(Path(os.environ[JSON]))
