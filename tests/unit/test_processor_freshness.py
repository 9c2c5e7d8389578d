"""What an answer's headers say about using it again."""

from datetime import UTC, datetime, timedelta

import pytest

from services.processor.fetching.freshness import (
    conditional_headers,
    is_cacheable,
    remaining_lifetime,
    update_headers,
)

NOW = datetime(2030, 2, 2, 9, 50, tzinfo=UTC)
DATE = "Sat, 02 Feb 2030 09:50:00 GMT"
HOUR_LATER = "Sat, 02 Feb 2030 10:50:00 GMT"
ETAG = {"etag": '"v1"'}


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        pytest.param({}, 0, id="nothing said"),
        pytest.param({"last-modified": DATE}, 0, id="nothing is guessed from Last-Modified"),
        pytest.param({"cache-control": "max-age=60"}, 60, id="max-age"),
        pytest.param({"cache-control": 'public, Max-Age="60"'}, 60, id="as some write it"),
        pytest.param({"cache-control": "max-age=60, s-maxage=5"}, 5, id="s-maxage is for us"),
        pytest.param({"cache-control": "max-age=60", "age": "45"}, 15, id="old when it came"),
        pytest.param({"cache-control": "max-age=60", "age": "99"}, 0, id="stale when it came"),
        pytest.param({"cache-control": "max-age=60, max-age=9"}, 60, id="the first of two"),
        pytest.param({"cache-control": "max-age=-1"}, 0, id="a negative max-age"),
        pytest.param({"cache-control": "max-age=soon"}, 0, id="a max-age of words"),
        pytest.param({"cache-control": "max-age=9" + "9" * 5000}, 365 * 86400, id="for ever"),
        pytest.param({"cache-control": "no-cache, max-age=60"}, 0, id="no-cache"),
        pytest.param({"cache-control": "must-revalidate, max-age=60"}, 60, id="must-revalidate"),
        pytest.param({"expires": HOUR_LATER, "date": DATE}, 3600, id="Expires and Date"),
        pytest.param({"expires": HOUR_LATER}, 3600, id="Expires alone"),
        pytest.param({"expires": "0"}, 0, id="Expires: 0"),
        pytest.param({"expires": DATE, "date": HOUR_LATER}, 0, id="Expires in the past"),
        pytest.param({"expires": HOUR_LATER, "cache-control": "max-age=1"}, 1, id="max-age wins"),
    ],
)
def test_how_long_an_answer_is_fresh(headers, seconds):
    assert remaining_lifetime(headers, NOW) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("headers", "is_kept"),
    [
        pytest.param(ETAG, True, id="it can be compared"),
        pytest.param({"last-modified": DATE}, True, id="by its time, too"),
        pytest.param({"cache-control": "max-age=60"}, True, id="it is fresh for a while"),
        pytest.param({}, False, id="good for nothing"),
        pytest.param(ETAG | {"cache-control": "no-store"}, False, id="no-store"),
        pytest.param(ETAG | {"cache-control": "max-age=9, Private"}, False, id="private"),
        pytest.param(ETAG | {"cache-control": 'private="x-user"'}, False, id="partly private"),
        pytest.param(ETAG | {"cache-control": "no-cache"}, True, id="no-cache"),
        pytest.param(ETAG | {"vary": "Accept-Encoding, Cookie"}, True, id="we always ask alike"),
        pytest.param(ETAG | {"vary": "*"}, False, id="it varies by anything"),
    ],
)
def test_what_may_be_kept(headers, is_kept):
    assert is_cacheable(headers, NOW) is is_kept


def test_a_condition_names_what_the_answer_was_described_with():
    headers = {"etag": 'W/"1"', "last-modified": DATE, "content-type": "text/html"}
    assert conditional_headers(headers) == {"if-none-match": 'W/"1"', "if-modified-since": DATE}


def test_a_confirmed_answer_is_as_fresh_as_the_confirmation_and_described_as_before():
    first = {"etag": '"1"', "cache-control": "max-age=5", "age": "4", "vary": "Accept"}
    confirmed = {"etag": 'W/"1"', "cache-control": "max-age=60", "date": DATE, "server": "x"}
    assert update_headers(first, confirmed) == {
        "etag": '"1"',
        "cache-control": "max-age=60",
        "date": DATE,
        "vary": "Accept",
    }
