"""What a browser may send, ranges of bytes, and cursors."""

import re
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tables import table

from eventjob.domain.access import Caller
from eventjob.projection.store import BatchQuery, JobQuery, PageStart
from services.api.access.browser import BrowserRules, is_loopback, is_same_origin
from services.api.operations.files import ByteRange, NotSatisfiable, parse_range
from services.api.response.cursor import decode_cursor, encode_cursor


@table(
    "origin, host, same",
    ("http://127.0.0.1:5000", "127.0.0.1:5000", True),
    ("http://a.example", "a.example:80", True),
    ("https://a.example:443", "a.example", True),
    ("https://a.example", "a.example", True),
    ("http://127.0.0.1:5001", "127.0.0.1:5000", False),
    ("http://evil.example", "127.0.0.1:5000", False),
    ("null", "127.0.0.1:5000", False),
    ("http://a.example/", "a.example", False),
    ("", "a.example", False),
    ("http://a.example.evil.example", "a.example", False),
)
def test_an_origin_is_the_same_or_foreign(origin, host, same):
    assert is_same_origin(origin, host) is same


@pytest.mark.parametrize(
    ("host", "found"),
    [
        ("127.0.0.1", True),
        ("127.8.0.1", True),
        ("::1", True),
        ("Localhost", True),
        ("0.0.0.0", False),  # noqa: S104 - nothing is bound
        ("192.0.2.7", False),
        ("api.example", False),
    ],
)
def test_an_address_is_of_this_machine_alone(host, found):
    assert is_loopback(host) is found


@pytest.mark.parametrize(
    ("bound", "hosts", "is_refused"),
    [
        ("127.0.0.1", ["127.0.0.1:5000"], False),
        ("127.0.0.1", ["localhost"], False),
        ("127.0.0.1", ["LOCALHOST:1"], False),
        ("127.0.0.1", ["[::1]:5000"], False),
        ("127.8.0.1", ["127.8.0.1"], False),
        ("::1", ["[::1]"], False),
        ("127.0.0.1", [], False),
        ("127.0.0.1", ["evil.example"], True),
        ("127.0.0.1", ["localhost.evil.example"], True),
        ("127.0.0.1", ["127.0.0.1:5000@evil.example"], True),
        ("127.0.0.1", ["localhost", "evil.example"], True),
        ("127.0.0.1", [""], True),
        ("0.0.0.0", ["api.example"], False),  # noqa: S104 - nothing is bound
    ],
)
def test_on_loopback_only_its_names_are_answered(bound, hosts, is_refused):
    rules = BrowserRules(lambda *_: None, bound)
    assert (rules._refusal("GET", hosts, []) is not None) is is_refused


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


ANN = Caller("ann")
PLACE = PageStart(1_893_456_000_123, 2**62 + 1)
QUERIES = [
    JobQuery(caller=ANN),
    JobQuery(caller=ANN, sort="updated_at"),
    JobQuery(caller=ANN, order="asc"),
    JobQuery(caller=ANN, status="failed"),
    JobQuery(caller=ANN, batch_id="x"),
    JobQuery(caller=ANN, owner="x"),
    BatchQuery(caller=ANN),
    BatchQuery(caller=ANN, archived=True),
    BatchQuery(caller=ANN, archived=None),
]


@given(st.integers(-(2**63), 2**63 - 1), st.integers(-(2**63), 2**63 - 1))
def test_a_cursor_leads_back_to_its_place_and_fits_into_an_address(time_ms, position):
    after = PageStart(time_ms, position)
    for query in QUERIES:
        cursor = encode_cursor(after, query)
        assert re.fullmatch(r"[A-Za-z0-9_-]{32}", cursor)
        assert decode_cursor(cursor, query) == after


@pytest.mark.parametrize(("query", "other"), [*pairwise(QUERIES), (QUERIES[0], QUERIES[-1])])
def test_a_cursor_belongs_to_one_order_and_one_set_of_filters(query, other):
    for asked, made in ((query, other), (other, query)):
        with pytest.raises(ValueError, match="same filters, sort and order"):
            decode_cursor(encode_cursor(PLACE, made), asked)


def test_a_page_may_be_of_another_size_and_for_somebody_else():
    other = msgspec.structs.replace(QUERIES[0], limit=7, caller=Caller("bob"), skip=3)
    assert decode_cursor(encode_cursor(PLACE, QUERIES[0]), other) == PLACE


def test_no_damage_goes_unnoticed():
    cursor = encode_cursor(PLACE, QUERIES[0])
    damaged = [
        *(f"{cursor[:n]}{letter}{cursor[n + 1 :]}" for n in range(32) for letter in "A_-=!ü\x00"),
        *(cursor[:n] for n in range(32)),
        *(cursor + more for more in ("=", "A", "\n", " ", "!", cursor)),
    ]
    for sent in set(damaged) - {cursor}:
        with pytest.raises(ValueError, match="must be next of a response"):
            decode_cursor(sent, QUERIES[0])
