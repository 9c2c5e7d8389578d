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


@pytest.mark.parametrize("value", [None, "", "  ", "\u2003", 1, True, [], {}, "a\x00b", "a\nb"])
@pytest.mark.parametrize("name", REQUIRED)
def test_a_required_parameter_is_a_line_of_text(name, value):
    assert wrong_fields(JobBody, job_body(parameters=parameters(**{name: value}))) == [
        f"parameters.{name}"
    ]


@pytest.mark.parametrize("name", REQUIRED)
def test_a_required_parameter_is_there(name):
    sent = parameters()
    del sent[name]
    assert wrong_fields(JobBody, {"parameters": sent}) == [f"parameters.{name}"]


@table(
    "address",
    *[
        "ftp://a.example/",
        "conference.example",
        "https://",
        "https:///path",
        "//a.example",
        "javascript:alert(1)",
        "https://user@a.example/",
        "https://user:pw@a.example/",
        "https://a.example:99999/",
        "https://[::1/",
        "https://a..example/",
    ],
    "https://a.example/" + "a" * 2031,
    "https://a b.example/",
    "https://a.example/a b",
    "http://a.example\\@b.example/",
    "http://a.example/\r\nHost: b",
)
def test_an_address_has_the_right_form(address):
    assert wrong_fields(JobBody, job_body(parameters=parameters(url=address))) == ["parameters.url"]


@table(
    "address",
    *[
        "http://a.example",
        "https://A.example:8443/a?b=c#d",
        "http://127.0.0.1:8301/x",
        "http://[::1]:8080/",
        "https://größe.example/ä",
        "HTTPS://a.example/",
        "https://a.example/@user",
    ],
    "https://a.example/" + "a" * 2030,
)
def test_an_address_of_the_right_form_is_taken(address):
    validate_body(JobBody, job_body(parameters=parameters(url=address)))


@given(st.from_regex(r"https?://[a-z0-9.-]{1,70}(?:/[!-~]{0,20})?", fullmatch=True))
def test_what_is_told_at_a_glance_is_told_as_by_the_whole_check(address):
    def outcome(check):
        try:
            check(address)
        except ValueError:
            return "wrong"
        return "right"

    assert outcome(check_web_url) == outcome(check_url)


@table(
    "name, value",
    *(("starttime", time) for time in ("9:50", "24:00", "12:60", "0950", "09:50\n", "", 950)),
    ("endtime", "soon"),
    ("day", "Sun\nday"),
    ("day", 7),
    ("speakers", "Ann"),
    ("video_url", 1),
    ("use_cache", "yes"),
    ("extra", []),
    ("extra", "x"),
    ("source_language", []),
)
def test_an_optional_parameter_has_its_form(name, value):
    assert wrong_fields(JobBody, job_body(parameters=parameters(**{name: value}))) == [
        f"parameters.{name}"
    ]


@table(
    "field, value",
    ("job_name", 1),
    ("job_name", "a" * 1001),
    ("job_name", "a\x00"),
    ("job_type", "t" * 65),
    ("user_id", ""),
    ("user_id", "*"),
    ("user_id", "u" * 129),
    ("user_id", "u\n"),
    ("use_cache", 1),
    ("webhook", "https://hook.example"),
    ("webhook", {}),
    ("webhook", {"url": 3}),
    ("webhook", {"url": "ftp://hook.example"}),
    ("webhook", {"url": "https://hook.example", "x": "x" * 20_000}),
    ("job_id", ""),
    ("job_id", "a.b"),
    ("job_id", "a" * 129),
    ("job_id", "a\n"),
    ("batch_id", "a/b"),
    ("access_control", []),
    ("access_control", "public"),
    ("parameters", []),
    ("parameters", [{}]),
    ("parameters", None),
)
def test_a_job_has_its_form(field, value):
    assert wrong_fields(JobBody, job_body(**{field: value})) == [field]


@table(
    "field, value, wrong",
    ("visibility", "secret", "visibility"),
    ("read_access", "ann", "read_access"),
    ("read_access", ["ann", 3], "read_access[1]"),
    ("write_access", [""], "write_access"),
    ("admin_access", ["*"], "admin_access"),
    ("admin_access", ["u"] * 101, "admin_access"),
)
def test_access_has_its_form(field, value, wrong):
    body = job_body(access_control={field: value})
    assert wrong_fields(JobBody, body) == [f"access_control.{wrong}"]


@pytest.mark.parametrize("body", [None, [], "x", 3])
def test_a_body_is_an_object(body):
    assert wrong_fields(JobBody, body) == [""]


def test_parameters_have_a_size():
    validate_body(JobBody, job_body(parameters=parameters(notes="x" * 16_000)))
    assert wrong_fields(JobBody, job_body(parameters=parameters(notes="ä" * 8_200))) == [
        "parameters"
    ]


@pytest.mark.parametrize("depth", [40, 200])
def test_parameters_are_not_nested_deeply(depth):
    deep = []
    for _ in range(depth):
        deep = [deep]
    assert wrong_fields(JobBody, job_body(parameters=parameters(notes=deep))) == [
        "parameters",
        "parameters.extra",
    ]


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


@pytest.mark.parametrize("jobs", [None, {}, "x", [job_body()] * 20_001])
def test_a_batch_has_a_list_of_jobs(jobs):
    assert wrong_fields(BatchBody, {"jobs": jobs}) == ["jobs"]


def test_null_counts_as_absent():
    sent = job_body(job_name=None, webhook=None, access_control=None, user_id=None, use_cache=None)
    sent["parameters"] = parameters(day=None, speakers=None, extra=None, use_cache=None)
    assert validate_body(JobBody, sent) == validate_body(JobBody, job_body())


def test_a_blank_name_counts_as_absent():
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
