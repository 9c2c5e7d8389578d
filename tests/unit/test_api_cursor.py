"""Cursors: what they carry, and what they are refused for."""

import re
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventjob.domain.access import Caller
from eventjob.projection.store import BatchQuery, JobQuery, PageStart
from services.api.response.cursor import decode_cursor, encode_cursor

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
