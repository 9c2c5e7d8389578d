"""The form of an address, without looking where it leads."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tables import table

from eventjob.domain.urls import LONGEST_URL, check_url


@table(
    "url, host",
    ("https://fosdem.org/2025/schedule/", "fosdem.org"),
    ("HTTP://FOSDEM.org:8080?q=1#top", "fosdem.org"),
    ("http://127.0.0.1:8301/a", "127.0.0.1"),
    ("http://[::1]:8301/a", "::1"),
    ("http://localhost", "localhost"),
    ("http://bücher.example/größe?ä=ö", "bücher.example"),
    ("http://under_score.example./", "under_score.example."),
    ("http://example.org/a@b", "example.org"),
    ("http://example.org/?to=http://a:b@c/", "example.org"),
)
def test_an_address_of_the_web_has_a_host(url, host):
    assert check_url(url) == host


@table(
    "url, complaint",
    ("", "starts with ''"),
    ("example.org/talk", "starts with ''"),
    ("//example.org/talk", "starts with ''"),
    ("ftp://example.org/", "starts with 'ftp'"),
    ("file:///etc/passwd", "starts with 'file'"),
    ("gopher://127.0.0.1:6379/_FLUSHALL", "starts with 'gopher'"),
    ("javascript:alert(1)", "starts with 'javascript'"),
    ("http+unix://%2Frun%2Fx.sock/", r"starts with 'http\+unix'"),
    ("http://", "host is expected"),
    ("http:///path", "host is expected"),
    ("http:example.org", "host is expected"),
    ("http://:80/", "host is expected"),
    ("http://./", "host is expected"),
    ("http://a..b/", "host is expected"),
    ("http://.example.org/", "host is expected"),
    ("http://exa%6dple.org/", "host is expected"),
    ("http://127.0.0.1%00.example.org/", "host is expected"),
    ("http://[fe80::1%25lo]/", "host"),
    ("http://[v1.x]/", "host"),
    ("http://[::1/", "host or port that cannot be read"),
    ("http://::1/", "host or port that cannot be read"),
    ("http://example.org:99999/", "host or port that cannot be read"),
    ("http://example.org:eighty/", "host or port that cannot be read"),
    ("http://example.org:0/", "port 0"),
    (f"http://{'a' * 64}.org/", "host is expected"),
    (f"http://{'a.' * 127}org/", "host is expected"),
    ("http://user@example.org/", "user info"),
    ("http://:secret@example.org/", "user info"),
    ("http://example.org@127.0.0.1/", "user info"),
    ("http://@example.org/", "user info"),
    ("http://example.org/a b", "space"),
    (" http://example.org/", "space"),
    ("http://example.org/\r\nHost: x", "control"),
    ("http://exa\tmple.org/", "control"),
    ("http://example.org/\x00", "control"),
    ("http://example.org\\@127.0.0.1/", "backslash"),
    ("http://example.org/\ud800", "control"),
    (f"http://example.org/{'a' * LONGEST_URL}", "2067 characters, at most 2048"),
)
def test_a_wrong_form_is_explained(url, complaint):
    with pytest.raises(ValueError, match=complaint):
        check_url(url)


def test_a_password_is_not_repeated():
    with pytest.raises(ValueError, match="user info") as error:
        check_url("https://me:hunter2@example.org/")
    assert "hunter2" not in str(error.value)


def test_the_longest_address_is_right():
    url = "http://example.org/".ljust(LONGEST_URL, "a")
    assert check_url(url) == "example.org"


@given(st.text(max_size=60) | st.text(max_size=60).map("http://".__add__))
def test_any_text_has_a_host_or_a_complaint(text):
    try:
        host = check_url(text)
    except ValueError as error:
        host, complaint = "", str(error)
    else:
        complaint = "the url is fine"
    assert complaint.startswith("the url ")
    assert not set(host) & set("/\\@?#% ")
