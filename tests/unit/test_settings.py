"""Settings: what they are when nobody says anything, and what is said where they are wrong."""

from datetime import timedelta
from pathlib import Path

import pytest
from tables import table

from eventjob.runtime.setting_types import Rate
from eventjob.runtime.settings import SettingsError, read_settings

MEGABYTE = 1024 * 1024


def complaints(**variables: str) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        read_settings({f"EVENTJOB_{name}": value for name, value in variables.items()})
    return str(caught.value).splitlines()


def test_without_variables_all_is_as_documented():
    settings = read_settings({"HOME": "/root"})
    folder = Path.cwd() / "data"
    assert (settings.host, settings.port) == ("127.0.0.1", 5000)
    assert settings.data_dir == folder
    assert settings.nats.url is None
    assert settings.store_url == f"sqlite://{folder}/projection.db"
    assert settings.artifacts_url == f"file://{folder}/artifacts"
    assert settings.anonymous == "restricted"
    assert settings.max_body_bytes == 32 * MEGABYTE
    assert (settings.processors, settings.concurrency, settings.max_attempts) == (1, 16, 5)
    assert settings.first_pause == timedelta(seconds=2)
    assert settings.attempt_timeout == timedelta(minutes=15)
    assert settings.min_free_bytes == 512 * MEGABYTE
    assert settings.log_level == "info"


def test_a_fetch_is_bounded_as_documented():
    fetch = read_settings({}).fetch
    assert (fetch.allow, fetch.robots, fetch.per_host) == ("", "obey", 2)
    assert fetch.delay == timedelta(seconds=1)
    sizes = (fetch.page_bytes, fetch.image_bytes, fetch.file_bytes, fetch.job_bytes)
    assert sizes == (5 * MEGABYTE, 10 * MEGABYTE, 100 * MEGABYTE, 250 * MEGABYTE)
    times = (fetch.connect, fetch.read, fetch.page, fetch.file)
    assert times == tuple(timedelta(seconds=s) for s in (5, 10, 60, 600))
    assert (fetch.redirects, fetch.ratio) == (5, 100)


def test_the_urls_follow_the_data_folder():
    settings = read_settings({"EVENTJOB_DATA_DIR": "/var/lib/event job"})
    assert settings.store_url == "sqlite:///var/lib/event%20job/projection.db"
    assert settings.artifacts_url == "file:///var/lib/event%20job/artifacts"


def test_an_empty_variable_counts_as_absent():
    assert read_settings({"EVENTJOB_PORT": " ", "EVENTJOB_NATS_URL": ""}) == read_settings({})


def test_the_tests_may_have_variables_of_their_own():
    assert read_settings({"EVENTJOB_TEST_MONGO_URL": "mongodb://x/y"}) == read_settings({})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HOST", "::1"),
        ("HOST", "0.0.0.0"),  # noqa: S104 - read, not bound
        ("HOST", "api-1.example.org"),
        ("PORT", "0"),
        ("NATS_URL", "nats://a:4222, tls://b.example:4222"),
        ("STORE_URL", "sqlite:////data/projection.db"),
        ("STORE_URL", "mongodb://user:secret@db:27017/eventjob"),
        ("ARTIFACTS_URL", "s3://bucket/prefix"),
        ("ANONYMOUS", "full"),
        ("CONTACT", "https://example.org/about?x=1#us"),
        ("CONTACT", "crawler+events@example.org"),
        ("FETCH_ALLOW", "127.0.0.1/32:8301, [::1]/128:8301"),
        ("FETCH_DELAY_S", "0"),
        ("FETCH_PAGE_MB", "0.5"),
        ("MIN_FREE_MB", "0"),
        ("RETENTION_DAYS", "365"),
        ("ROBOTS", "ignore"),
        ("LOG_LEVEL", "debug"),
    ],
)
def test_right(name, value):
    assert read_settings({f"EVENTJOB_{name}": value}) != read_settings({})


@table(
    "name, value, expected",
    ("HOST", "not a host", "an IP address or a host name"),
    ("HOST", "a..b", "an IP address or a host name"),
    ("PORT", "65536", "a whole number, 0 to 65535"),
    ("PORT", "5e3", "a whole number, 0 to 65535"),
    ("PORT", "²", "a whole number, 0 to 65535"),
    ("NATS_URL", "localhost:4222", "nats://host:port or tls://host:port"),
    ("NATS_URL", "nats://host:port", "nats://host:port or tls://host:port"),
    ("NATS_CA_FILE", "/nowhere/ca.pem", "the path of a file that exists"),
    ("STORE_URL", "sqlite://projection.db", "sqlite:///absolute/path"),
    ("STORE_URL", "mongodb://db", "mongodb://host/database"),
    ("STORE_URL_FILE", "/nowhere/url", "the path of a readable file, with sqlite:///"),
    ("ARTIFACTS_URL", "file://artifacts", "file:///absolute/folder"),
    ("ARTIFACTS_URL", "s3:///prefix", "s3://bucket/prefix"),
    ("ANONYMOUS", "yes", "restricted or full or none"),
    ("ANONYMOUS", "none", "EVENTJOB_API_KEYS_FILE beside it"),
    ("RATE_LIMIT", "50/s", "EVENTJOB_API_KEYS_FILE beside it"),
    ("MAX_BODY_MB", "201", "a number, 0.01 to 200"),
    ("CONTACT", "me\r\nHost: x", "an http(s) URL or a mail address"),
    ("CONTACT", "https://example.org/(x)", "an http(s) URL or a mail address"),
    ("FETCH_ALLOW", "127.0.0.1/32", "which '127.0.0.1/32' is not"),
    ("FETCH_ALLOW", "10.0.0.0/8:80,10.1.1.1/8:80", "which '10.1.1.1/8:80' is not"),
    ("FETCH_ALLOW", "10.0.0.1:0", "which '10.0.0.1:0' is not"),
    ("FETCH_DELAY_S", "-1", "a number, 0 to 86400"),
    ("FETCH_READ_S", "nan", "a number, 0.01 to 86400"),
    ("FETCH_FILE_S", "inf", "a number, 0.01 to 86400"),
    ("NATS_URL", "nats://one:4222,,nats://two:4222", "several separated by commas"),
    ("NATS_REPLICAS", "2", "1 or 3 or 5"),
    ("RETENTION_DAYS", "0", "a whole number of days"),
    ("RETENTION_DAYS", "1e3", "a whole number of days"),
    ("NATS_REPLICAS", "3", "EVENTJOB_NATS_URL beside it"),
    ("CONCURRENCY", "0", "a whole number, 1 to 1000"),
    ("LOG_LEVEL", "INFO", "info or debug or warning or error"),
    ("PARENT_PIPE", "0x1", "nothing: it is not for you to set"),
)
def test_wrong(name, value, expected):
    [complaint] = complaints(**{name: value})
    assert complaint.startswith(f"EVENTJOB_{name} is {value!r}: expected ")
    assert expected in complaint


def test_all_that_is_wrong_is_said_at_once_by_name():
    names = [line.split()[0] for line in complaints(PORT="x", CONCURENCY="4", ROBOTS="maybe")]
    assert names == ["EVENTJOB_CONCURENCY", "EVENTJOB_PORT", "EVENTJOB_ROBOTS"]


def test_a_variable_that_nobody_knows_is_wrong():
    assert complaints(CONCURENCY="4") == ["EVENTJOB_CONCURENCY is no setting of eventjob"]


def test_keys_leave_no_door_open():
    [complaint] = complaints(API_KEYS_FILE="keys", ANONYMOUS="full")
    assert complaint.endswith("restricted or none, where EVENTJOB_API_KEYS_FILE is set")
    [complaint] = complaints(API_KEYS_FILE="keys", RATE_LIMIT="often")
    assert complaint.endswith("a number per time such as 50/s, 3000/min or 10000/h")
    right = {"EVENTJOB_API_KEYS_FILE": "keys", "EVENTJOB_RATE_LIMIT": "3000/min"}
    settings = read_settings(right | {"EVENTJOB_ANONYMOUS": "none"})
    assert settings.api_keys_file == Path("keys").absolute()
    assert settings.rate_limit == Rate(3000, 60)


def test_a_user_needs_a_password_and_the_other_way_round():
    [complaint] = complaints(NATS_USER="me")
    assert complaint.startswith("EVENTJOB_NATS_PASSWORD_FILE is ")
    [complaint] = complaints(NATS_PASSWORD="hush")  # noqa: S106 - nobody's
    assert complaint.startswith("EVENTJOB_NATS_USER is ")


def test_the_store_may_be_named_in_a_file_of_its_own(tmp_path):
    file = tmp_path / "store_url"
    file.write_text("mongodb://me:hush@db/eventjob\n")
    settings = read_settings({"EVENTJOB_STORE_URL_FILE": str(file)})
    assert settings.store_url == "mongodb://me:hush@db/eventjob"
    [complaint] = complaints(STORE_URL_FILE=str(file), STORE_URL="mongodb://db/eventjob")
    assert complaint.endswith("EVENTJOB_STORE_URL or EVENTJOB_STORE_URL_FILE, not both")
    file.write_text("mongodb://me:hush@db")
    [complaint] = complaints(STORE_URL_FILE=str(file))
    assert "mongodb://host/database" in complaint
    assert "hush" not in complaint


@table(
    "variables",
    {"NATS_PASSWORD": "hush"},
    {"NATS_URL": "nats://me:hush@host:4222"},
    {"NATS_URL": "me:hush@host"},
    {"STORE_URL": "mongodb://me:hu/hush@host"},
    {"STORE_URL": "postgres://me:hush@host/db"},
)
def test_no_secret_is_shown(variables):
    assert not any("hush" in complaint for complaint in complaints(**variables))


def test_a_password_comes_out_of_a_file(tmp_path):
    file = tmp_path / "password"
    file.write_text("hush hush\n")
    told = {"EVENTJOB_NATS_USER": "me", "EVENTJOB_NATS_PASSWORD_FILE": str(file)}
    assert read_settings(told).nats.password == "hush hush"  # noqa: S105
    [complaint] = complaints(NATS_USER="me", NATS_PASSWORD_FILE=str(file), NATS_PASSWORD="hush")  # noqa: S106
    assert complaint.endswith("this or EVENTJOB_NATS_PASSWORD, not both")
    file.write_text(" \n")
    for wrong in (file, tmp_path / "nowhere", tmp_path):
        [complaint] = complaints(NATS_USER="me", NATS_PASSWORD_FILE=str(wrong))
        assert complaint.endswith("the path of a file that can be read and is not empty")


def test_an_authority_goes_with_tls():
    [complaint] = complaints(NATS_URL="tls://a:4222,nats://b:4222", NATS_CA_FILE=__file__)
    assert complaint.endswith("tls:// in each address of EVENTJOB_NATS_URL")
    right = {"EVENTJOB_NATS_URL": "tls://a:4222", "EVENTJOB_NATS_CA_FILE": __file__}
    assert read_settings(right).nats.ca == Path(__file__)


@pytest.mark.parametrize("user", ["a.b", ">", "*", "a b", "x" * 65])
def test_a_user_can_stand_in_a_subject(user):
    [complaint] = complaints(NATS_USER=user, NATS_PASSWORD="x")  # noqa: S106
    assert complaint.endswith("1 to 64 letters, digits, - and _")
