"""What the documentation says of a field is what its rule demands."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from services.api.openapi.field_schemas import SCHEMAS, URL, USER
from services.api.request import field_rules

EXACT = {rule: form for rule, form in SCHEMAS.items() if form["type"] == "string" and form != URL}
LABELS = ["a", "A-1_", "bücher", "x" * 63, "x" * 64, "", "a b", "[::1]", "[::1%e]", "u@h", "\uff11"]
PARTS = st.sampled_from(
    ["?q=ü", "#", "/a b", "/\\", "/%00", "/\x85", "/{}", ":80", ":0", ":", ":x"]
)
URLS = st.builds(
    "{}://{}{}".format,
    st.sampled_from(["http", "HTTPS", "hTtp", "ftp", ""]),
    st.lists(st.sampled_from(LABELS), min_size=1, max_size=4).map(".".join),
    st.lists(PARTS, max_size=3).map("".join),
)


def takes(rule, text):
    try:
        rule(text)
    except ValueError:
        return False
    return True


def fits(form, text):
    lengths = form.get("minLength", 0) <= len(text) <= form.get("maxLength", len(text))
    pattern = form["pattern"].removesuffix("$") + r"\Z"  # where Python's $ is not ECMAScript's
    return lengths and re.search(pattern, text) is not None


@pytest.mark.parametrize("rule", EXACT, ids=lambda rule: rule.__name__)
@given(text=st.text() | st.text("\x00 *\x85\xa0\u2003x09:é-_", max_size=140))
@example("*")
@example("**")
@example("\n")
@example("x\n")
@example("\u2028")
@example("\ufeff")
@example("\u0660\u0669:\u0660\u0660")
@example("x" * 129)
@example("x" * 1001)
def test_a_form_is_what_its_rule_takes(rule, text):
    assert fits(EXACT[rule], text) == takes(rule, text)


@given(st.text() | URLS)
@example("http://0[::]")
@example("http://[::1]x")
@example("http://[v1.a:b]/")
def test_an_address_that_is_taken_has_the_form(text):
    assert not takes(field_rules.check_web_url, text) or fits(URL, text)


@given(URLS)
def test_an_address_of_the_form_is_taken_but_for_what_no_pattern_says(text):
    if fits(URL, text) and not takes(field_rules.check_web_url, text):
        authority = text.split("//", 1)[1]
        assert re.search(r":0|\[|[^\x00-\x7f]", authority), text


def test_nobody_is_everyone():
    assert not fits(USER, "*")
