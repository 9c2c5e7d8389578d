"""Tests as tables: a row is called by the sentence that it proves."""

from typing import Any

import pytest


def row(sentence: str, *values: Any) -> Any:
    return pytest.param(*values, id=sentence)


def table(names: str, *rows: Any, **options: Any) -> pytest.MarkDecorator:
    """Run a test once for each row, with the row's values for ``names``."""
    return pytest.mark.parametrize(names, rows, **options)
