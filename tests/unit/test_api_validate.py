"""Bodies that are right, and the name of every field that is not."""

import pytest
from fakes_api import job_body, parameters
from hypothesis import given
from hypothesis import strategies as st
from tables import table

from eventjob.domain.urls import check_url
from services.api.request.bodies import BatchBody, JobBody
from services.api.request.field_rules import check_web_url
from services.api.request.to_command import build_job_spec, parse_host
from services.api.request.validate import MAX_NAMED, validate_body
from services.api.response.errors import Problem


def wrong_fields(kind, body):
    with pytest.raises(Problem) as caught:
        validate_body(kind, body)
    assert caught.value.code == "validation_error"
    return [wrong.field for wrong in caught.value.details]


REQUIRED = ("event", "session", "url", "filename", "track")


@table("name", *REQUIRED)
def test_a_required_parameter_is_there_and_a_line_of_text(name):
    for value in (None, "", "  ", "\u2003", 1, True, [], {}, "a\x00b", "a\nb"):
        sent = job_body(parameters=parameters(**{name: value}))
        assert wrong_fields(JobBody, sent) == [f"parameters.{name}"], value
    sent = parameters()
    del sent[name]
    assert wrong_fields(JobBody, {"parameters": sent}) == [f"parameters.{name}"]


def test_an_address_has_the_right_form():
    """All forms are in `test_fetch_urls`; here are the longest, and what is told at a glance."""
    longest = "https://a.example/" + "a" * 2030
    for right in ("http://a.example", "HTTPS://A.example:8443/a?b=c#d", "http://[::1]/ä", longest):
        validate_body(JobBody, job_body(parameters=parameters(url=right)))
    for wrong in (
        "ftp://a.example/",
        "https://a..example/",
        "http://a.example\\@b/",
        longest + "a",
    ):
        sent = job_body(parameters=parameters(url=wrong))
        assert wrong_fields(JobBody, sent) == ["parameters.url"]


@given(st.from_regex(r"https?://[a-z0-9.-]{1,70}(?:/[!-~]{0,20})?", fullmatch=True))
def test_what_is_told_at_a_glance_is_told_as_by_the_whole_check(address):
    def outcome(check):
        try:
            check(address)
        except ValueError:
            return "wrong"
        return "right"

    assert outcome(check_web_url) == outcome(check_url)


WEBHOOKS = ["https://hook.example", {}, {"url": 3}, {"url": "ftp://hook.example"}]
WEBHOOKS += [{"url": "https://hook.example", "x": "x" * 20_000}]


@table(
    "field, values",
    ("job_name", [1, "a" * 1001, "a\x00"]),
    ("job_type", ["t" * 65]),
    ("user_id", ["", "*", "u" * 129, "u\n"]),
    ("use_cache", [1]),
    ("webhook", WEBHOOKS),
    ("job_id", ["", "a.b", "a" * 129, "a\n"]),
    ("batch_id", ["a/b"]),
    ("access_control", [[], "public"]),
    ("access_control.visibility", ["secret"]),
    ("access_control.read_access", ["ann"]),
    ("access_control.write_access", [[""]]),
    ("access_control.admin_access", [["*"], ["u"] * 101]),
    ("parameters", [[], [{}], None]),
    ("parameters.starttime", ["9:50", "24:00", "12:60", "0950", "09:50\n", "", 950]),
    ("parameters.endtime", ["soon"]),
    ("parameters.day", ["Sun\nday", 7]),
    ("parameters.speakers", ["Ann"]),
    ("parameters.video_url", [1]),
    ("parameters.use_cache", ["yes"]),
    ("parameters.extra", [[], "x"]),
    ("parameters.source_language", [[]]),
)
def test_each_field_has_its_form(field, values):
    outer, _, inner = field.partition(".")
    for value in values:
        sent = job_body(**{outer: value})
        if inner:
            sent[outer] = {**(parameters() if outer == "parameters" else {}), inner: value}
        assert wrong_fields(JobBody, sent) == [field], value


def test_a_body_is_an_object_a_batch_has_a_list_of_jobs_and_of_a_list_one_member_is_named():
    for body in (None, [], "x", 3):
        assert wrong_fields(JobBody, body) == [""]
    for jobs in (None, {}, "x", [job_body()] * 20_001):
        assert wrong_fields(BatchBody, {"jobs": jobs}) == ["jobs"]
    sent = job_body(access_control={"read_access": ["ann", 3]})
    assert wrong_fields(JobBody, sent) == ["access_control.read_access[1]"]


def test_parameters_have_a_size_and_are_not_nested_deeply():
    validate_body(JobBody, job_body(parameters=parameters(notes="x" * 16_000)))
    large = job_body(parameters=parameters(notes="ä" * 8_200))
    assert wrong_fields(JobBody, large) == ["parameters"]
    for depth in (40, 200):
        deep = []
        for _ in range(depth):
            deep = [deep]
        sent = job_body(parameters=parameters(notes=deep))
        assert wrong_fields(JobBody, sent) == ["parameters", "parameters.extra"]


def test_every_wrong_field_of_a_batch_is_named():
    jobs = [job_body() for _ in range(20)]
    jobs[3] = "job"
    jobs[7] = {}
    jobs[17] = job_body(parameters=parameters(url="x", event=None), webhook=1)
    body = {"jobs": jobs, "user_id": "", "access_control": {"visibility": 1}}
    assert wrong_fields(BatchBody, body) == [
        "jobs[3]",
        "jobs[7].parameters",
        "jobs[17].parameters.event",
        "jobs[17].parameters.url",
        "jobs[17].webhook",
        "user_id",
        "access_control.visibility",
    ]


def test_no_more_than_a_hundred_are_named():
    with pytest.raises(Problem, match=f"and at least {MAX_NAMED} more") as caught:
        validate_body(BatchBody, {"jobs": [{}] * 300})
    assert len(caught.value.details) == MAX_NAMED


def test_null_and_a_blank_name_count_as_absent():
    sent = job_body(job_name=None, webhook=None, access_control=None, user_id=None, use_cache=None)
    sent["parameters"] = parameters(day=None, speakers=None, extra=None, use_cache=None)
    assert validate_body(JobBody, sent) == validate_body(JobBody, job_body())
    assert (
        build_job_spec(validate_body(JobBody, job_body(job_name=" "))).job_name
        == "Ev - Tr - Opening"
    )


@table(
    "address, host",
    ("https://Conference.Example/x", "conference.example"),
    ("https://a.example:443/", "a.example"),
    ("http://a.example:0080", "a.example"),
    ("http://a.example:/", "a.example"),
    ("http://a.example:443?x", "a.example:443"),
    ("HTTP://A.example:8301#x", "a.example:8301"),
    ("http://[::1]:80/", "[::1]"),
)
def test_the_host_of_a_job_has_only_unusual_ports(address, host):
    assert parse_host(address) == host
