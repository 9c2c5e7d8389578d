"""What a browser may be made to send."""

import pytest
from tables import table

from services.api.access.browser import BrowserRules, is_loopback, is_same_origin


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
