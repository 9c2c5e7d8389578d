"""Ranges of bytes."""

import pytest
from tables import table

from services.api.operations.files import ByteRange, NotSatisfiable, parse_range


@table(
    "header, span",
    (None, None),
    ("", None),
    ("bytes=0-0", ByteRange(0, 1)),
    ("bytes=0-9", ByteRange(0, 10)),
    ("bytes=5-", ByteRange(5, 10)),
    ("bytes=5-99", ByteRange(5, 10)),
    ("bytes=-3", ByteRange(7, 10)),
    ("bytes=-99", ByteRange(0, 10)),
    ("Bytes= 1-2 ", ByteRange(1, 3)),
    ("bytes=5-2", None),
    ("bytes=-", None),
    ("bytes=a-b", None),
    ("bytes=0-1,3-4", None),
    ("items=0-1", None),
    ("bytes=" + "9" * 19 + "-", None),
)
def test_a_range_of_ten_bytes(header, span):
    assert parse_range(header, 10) == span


@pytest.mark.parametrize("header", ["bytes=10-", "bytes=99-100", "bytes=-0"])
def test_a_range_outside_cannot_be_had(header):
    with pytest.raises(NotSatisfiable):
        parse_range(header, 10)


@pytest.mark.parametrize("header", ["bytes=0-", "bytes=0-0", "bytes=-5"])
def test_an_empty_file_has_no_ranges(header):
    with pytest.raises(NotSatisfiable):
        parse_range(header, 0)
