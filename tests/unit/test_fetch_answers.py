"""What an answer's head says, without a server."""

from datetime import UTC, datetime, timedelta

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tables import table

from eventjob.fetch.errors import FetchFailed
from eventjob.fetch.response_head import (
    check_status,
    declared_media_type,
    parse_retry_after,
    redirect_target,
)

NOW = datetime(2030, 1, 1, 12, tzinfo=UTC)


@table(
    "value, seconds",
    ("0", 0),
    (" 120 ", 120),
    ("3600", 3600),
    ("86400", 3600),
    ("9" * 5000, 3600),
    ("Tue, 01 Jan 2030 12:01:30 GMT", 90),
    ("Tue, 01 Jan 2030 13:01:30 +0100", 90),
    ("Tue, 01 Jan 2030 12:01:30 -0000", 90),
    ("Tue, 01 Jan 2030 11:00:00 GMT", 0),
    ("Tue, 01 Jan 2099 12:00:00 GMT", 3600),
    ("", None),
    ("soon", None),
    ("-5", None),
    ("1.5", None),
    ("²", None),
    ("Tue, 99 Jan 2030 12:00:00 GMT", None),
)
def test_a_server_may_ask_to_wait_up_to_an_hour(value, seconds):
    wait = parse_retry_after({"retry-after": value}, NOW)
    assert wait == (None if seconds is None else timedelta(seconds=seconds))


@table(
    "value, media_type",
    ("text/html", "text/html"),
    ("Text/HTML ; Charset=ISO-8859-1", "text/html"),
    ("", ""),
    (";charset=utf-8", ""),
    ("größe", "größe"),
)
def test_the_type_is_as_declared(value, media_type):
    assert declared_media_type(answered(200, content_type=value)) == media_type
    assert declared_media_type(answered(200)) == ""


@given(st.lists(st.sampled_from(["Tue, ", "01 Jan ", "2030 ", "9" * 20, ":", "+0100", "-", "é"])))
def test_any_pause_is_read_or_ignored(pieces):
    wait = parse_retry_after({"retry-after": "".join(pieces)}, NOW)
    assert wait is None or timedelta() <= wait <= timedelta(hours=1)


URL_PIECES = (
    "http:// https:// // / ? # @ : [ ] ::1 % %2 . .. 127.0.0.1 [v1.a] xn-- é ① 。 \xad 9 \t"
)


@given(st.lists(st.sampled_from([*URL_PIECES.split(" "), "x" * 64, " "]), max_size=8))
def test_any_location_is_a_target_or_blocked(pieces):
    try:
        target = redirect_target(answered(302, location="".join(pieces)))
    except FetchFailed as error:
        code = error.code
    else:
        code = "blocked_address" if target.host and target.scheme in {"http", "https"} else ""
    assert code == "blocked_address"


def test_any_status_but_that_of_a_whole_answer_is_a_failure_that_may_pass_or_not():
    for status in (200, 203, 204):
        check_status(answered(status))
    passing = {408, 425, 429, 500, 502, 503, 504}
    lasting = {101, 206, 300, 302, 304, 400, 401, 403, 404, 410, 451, 501, 505, 599}
    for status in passing | lasting:
        with pytest.raises(FetchFailed, match=f"example.org answered {status}") as error:
            check_status(answered(status, retry_after="7"))
        assert error.value.code == f"http_{status}"
        assert error.value.transient is (status in passing)
        assert error.value.retry_after == timedelta(seconds=7)


@table(
    "location, target",
    ("/b", "http://example.org/b"),
    ("b?x=1#part", "http://example.org/dir/b?x=1"),
    ("//other.example/b", "http://other.example/b"),
    ("https://example.org/b", "https://example.org/b"),
    ("", "http://example.org/dir/a"),
)
def test_a_redirect_goes_on_and_no_other_answer_does(location, target):
    for status in (301, 302, 303, 307, 308):
        assert str(redirect_target(answered(status, location=location))) == target
    for status in (200, 201, 300, 304, 305, 404):
        assert redirect_target(answered(status, location=location)) is None


BLOCKED = """file:///etc/passwd gopher://127.0.0.1/ data:text/html,x http://user:hunter2@example.org/
    http://①②⑦.0.0.1/ http://0177.0.0.1/ http://[::1 http://example.org:port/ http://a\\b/"""


@table("location", *BLOCKED.split(), "/" + "a" * 5000)
def test_a_redirect_to_what_is_never_fetched_is_blocked(location):
    with pytest.raises(FetchFailed, match=r"example\.org redirects to") as error:
        redirect_target(answered(302, location=location))
    assert (error.value.code, error.value.transient) == ("blocked_address", False)
    assert "hunter2" not in str(error.value)


def answered(status: int, **fields: str) -> httpx2.Response:
    headers = {name.replace("_", "-").encode(): value.encode() for name, value in fields.items()}
    request = httpx2.Request("GET", "http://example.org/dir/a")
    return httpx2.Response(status, headers=headers, request=request)
