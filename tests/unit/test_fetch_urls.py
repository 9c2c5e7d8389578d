"""The form of an address, without looking where it leads."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tables import table

from eventjob.domain.urls import MAX_URL_LENGTH, check_url


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
    ("http://example.org/".ljust(MAX_URL_LENGTH, "a"), "example.org"),
    ("http://example.org/?to=http://a:b@c/", "example.org"),
)
def test_an_address_of_the_web_has_a_host(url, host):
    assert check_url(url) == host


NO_HOST = """http:// http:///path http:example.org http://:80/ http://./ http://a..b/
    http://.example.org/ http://exa%6dple.org/ http://127.0.0.1%00.example.org/"""
UNREADABLE = "http://[::1/ http://::1/ http://example.org:99999/ http://example.org:eighty/"
USER_INFO = """http://user@example.org/ http://:secret@example.org/ http://example.org@127.0.0.1/
    http://@example.org/"""


@table(
    "complaint, urls",
    ("starts with ''", ["", "example.org/talk", "//example.org/talk"]),
    ("starts with 'ftp'", ["ftp://example.org/"]),
    ("starts with 'file'", ["file:///etc/passwd"]),
    ("starts with 'gopher'", ["gopher://127.0.0.1:6379/_FLUSHALL"]),
    ("starts with 'javascript'", ["javascript:alert(1)"]),
    (r"starts with 'http\+unix'", ["http+unix://%2Frun%2Fx.sock/"]),
    ("host", [*NO_HOST.split(), f"http://{'a' * 64}.org/", f"http://{'a.' * 127}org/"]),
    ("host", ["http://[fe80::1%25lo]/", "http://[v1.x]/"]),
    ("host or port", UNREADABLE.split()),
    ("port 0", ["http://example.org:0/"]),
    ("user info", USER_INFO.split()),
    ("space", ["http://example.org/a b", " http://example.org/"]),
    ("control", ["http://a.example/\r\nHost: x", "http://a\tb.org/", "http://a.example/\x00"]),
    ("control", ["http://example.org/\ud800"]),
    ("backslash", ["http://example.org\\@127.0.0.1/"]),
    ("2067 characters, at most 2048", [f"http://example.org/{'a' * MAX_URL_LENGTH}"]),
)
def test_a_wrong_form_is_explained(complaint, urls):
    for url in urls:
        with pytest.raises(ValueError, match=complaint):
            check_url(url)


def test_a_password_is_not_repeated():
    with pytest.raises(ValueError, match="user info") as error:
        check_url("https://me:hunter2@example.org/")
    assert "hunter2" not in str(error.value)


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
