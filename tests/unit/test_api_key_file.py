"""The file of API keys: its form, and what is said where it is wrong."""

import pytest
from tables import table

from eventjob.runtime.setting_types import Rate, parse_rate
from services.api.access.keys import Key, KeysError, find, format_key, hash_key, new_key, read_keys
from services.api.access.rate_limits import Buckets, network_of

GOOD = format_key(Key(id="k1", user="ann", sha256="0" * 64))


@table(
    "line, expected",
    ("{", "truncated"),
    ("[]", "Expected `object`"),
    ('{"id":"k2","user":"ann"}', "missing required field `sha256`"),
    (GOOD.replace("k1", "K_2"), "regex"),
    (GOOD.replace("k1", "k2\\n"), "regex"),
    (GOOD.replace('0"', '0\\n"'), "regex"),
    (GOOD.replace("ann", "*"), 'not "*"'),
    (GOOD.replace("0" * 64, "plain"), "regex"),
    (GOOD.replace("}", ',"admin":true}'), "unknown field `admin`"),
    (GOOD.replace("}", ',"administer":"yes"}'), "Expected `bool`"),
    (GOOD.replace("}", ',"rate":"often"}'), "such as 50/s"),
    (GOOD, "k1 is taken"),
)
def test_a_wrong_line_is_named(tmp_path, line, expected):
    path = tmp_path / "keys"
    path.write_text(f"# keys\n{GOOD}\n{line}\n")
    with pytest.raises(KeysError) as raised:
        read_keys(path)
    assert f"{path}, line 3: expected" in str(raised.value)
    assert expected in str(raised.value)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(KeysError, match="cannot be read: No such file"):
        read_keys(tmp_path / "none")


def test_a_key_is_found_by_all_of_its_text():
    key_id, text, digest = new_key()
    keys = {key_id: Key(id=key_id, user="ann", sha256=digest)}
    assert find(keys, text) is keys[key_id]
    assert len(text.rpartition(f"ej_{key_id}_")[2]) == 43  # 256 bits
    for other in (text[:-1], text + "a", text.upper(), "", digest, new_key(key_id)[1]):
        assert find(keys, other) is None
    assert hash_key(text) == digest


@table("text, rate", ("50/s", Rate(50, 1)), ("3000/min", Rate(3000, 60)), ("1 / h", Rate(1, 3600)))
def test_a_rate_is_read(text, rate):
    assert parse_rate(text) == rate


@pytest.mark.parametrize("text", ["", "50", "0/s", "-1/s", "1/day", "1.5/s", "50/s/s", "\u0665/s"])
def test_what_is_no_rate_is_refused(text):
    with pytest.raises(ValueError, match="such as 50/s"):
        parse_rate(text)


def test_a_bucket_fills_again(monkeypatch):
    now = [1000.0]
    monkeypatch.setattr("services.api.access.rate_limits.time.monotonic", lambda: now[0])
    buckets, rate = Buckets("key"), Rate(10, 1)
    assert [buckets.take_token("k", rate).remaining for _ in range(10)] == list(range(9, -1, -1))
    refused = buckets.take_token("k", rate)
    assert (refused.is_allowed, round(refused.wait_s, 6)) == (False, 0.1)
    now[0] += 0.25
    assert [buckets.take_token("k", rate).is_allowed for _ in range(3)] == [True, True, False]
    now[0] += 100
    assert buckets.take_token("k", rate).remaining == 9


def test_an_address_stands_for_its_network():
    assert network_of("192.0.2.7") == "192.0.2.7"
    assert network_of("2001:db8:1:2:3::4%eth0") == "2001:db8:1:2::/64"
    assert network_of("testclient") == "testclient"
