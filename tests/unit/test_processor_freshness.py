"""What an answer's headers say about using it again."""

from datetime import UTC, datetime, timedelta

from tables import row, table

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


@table(
    "headers, seconds",
    row("nothing said", {}, 0),
    row("nothing is guessed from Last-Modified", {"last-modified": DATE}, 0),
    row("max-age", {"cache-control": "max-age=60"}, 60),
    row("as some write it", {"cache-control": 'public, Max-Age="60"'}, 60),
    row("s-maxage is for us", {"cache-control": "max-age=60, s-maxage=5"}, 5),
    row("old when it came", {"cache-control": "max-age=60", "age": "45"}, 15),
    row("stale when it came", {"cache-control": "max-age=60", "age": "99"}, 0),
    row("the first of two", {"cache-control": "max-age=60, max-age=9"}, 60),
    row("a negative max-age", {"cache-control": "max-age=-1"}, 0),
    row("a max-age of words", {"cache-control": "max-age=soon"}, 0),
    row("for ever", {"cache-control": "max-age=9" + "9" * 5000}, 365 * 86400),
    row("no-cache", {"cache-control": "no-cache, max-age=60"}, 0),
    row("must-revalidate", {"cache-control": "must-revalidate, max-age=60"}, 60),
    row("Expires and Date", {"expires": HOUR_LATER, "date": DATE}, 3600),
    row("Expires alone", {"expires": HOUR_LATER}, 3600),
    row("Expires: 0", {"expires": "0"}, 0),
    row("Expires in the past", {"expires": DATE, "date": HOUR_LATER}, 0),
    row("max-age wins", {"expires": HOUR_LATER, "cache-control": "max-age=1"}, 1),
)
def test_how_long_an_answer_is_fresh(headers, seconds):
    assert remaining_lifetime(headers, NOW) == timedelta(seconds=seconds)


@table(
    "headers, is_kept",
    row("it can be compared", ETAG, True),
    row("by its time, too", {"last-modified": DATE}, True),
    row("it is fresh for a while", {"cache-control": "max-age=60"}, True),
    row("good for nothing", {}, False),
    row("no-store", ETAG | {"cache-control": "no-store"}, False),
    row("private", ETAG | {"cache-control": "max-age=9, Private"}, False),
    row("partly private", ETAG | {"cache-control": 'private="x-user"'}, False),
    row("no-cache", ETAG | {"cache-control": "no-cache"}, True),
    row("we always ask alike", ETAG | {"vary": "Accept-Encoding, Cookie"}, True),
    row("it varies by anything", ETAG | {"vary": "*"}, False),
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
