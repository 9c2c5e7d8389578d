"""API keys: who is asking, whom a key may speak for, and how often."""

import msgspec
import pytest
from access_table import bearer
from api_client import client_of
from fakes import QuietLog
from fakes_api import SITE, Deployment, as_user, job_body

from eventjob.domain.access import Caller
from eventjob.runtime.setting_types import Rate
from services.api.access.authenticate import FAILURE_RATE, KeyPolicy
from services.api.access.keys import Key, KeyRing, format_key, new_key

OWNERS = {"own": "ann", "gateway": "gate", "admin": "root", "stranger": "eve"}
OFTEN = Rate(100_000, 1)


@pytest.fixture
def keys(tmp_path):
    """The headers that show a key of each kind; the file of hashes is ``keys`` beside it."""
    made, lines = {}, []
    for name, user in OWNERS.items():
        key_id, text, digest = new_key(name)
        rights = {"act_for_others": name == "gateway", "administer": name == "admin"}
        lines.append(format_key(Key(id=key_id, user=user, sha256=digest, **rights)))
        made[name] = bearer(text)
    (tmp_path / "keys").write_text("# ours\n\n" + "\n".join(lines) + "\n")
    return made


def door(tmp_path, usual=OFTEN, **options):
    return {"key_policy": KeyPolicy(KeyRing(tmp_path / "keys", QuietLog()), usual, **options)}


@pytest.fixture
async def client(tmp_path, keys, deployment):
    """With a private and a public job of ann's."""
    async with client_of(deployment, **door(tmp_path)) as client:
        for name in ("private", "public"):
            body = job_body(job_id=name, access_control={"visibility": name})
            made = await client.sent("/jobs", body, 201, headers=keys["own"])
            assert made["job"]["user_id"] == "ann"
        yield client


def said(answer):
    return answer.status_code, answer.json().get("error_type")


async def test_without_a_key_what_is_public_is_read_and_nothing_else(client):
    await client.got("/jobs/public")
    assert [job["job_id"] for job in (await client.got("/jobs"))["jobs"]] == ["public"]
    for method, path in (
        ("GET", "/jobs/private"),
        ("GET", "/jobs/none"),
        ("GET", "/batches/none"),
        ("GET", "/jobs/private/history"),
        ("POST", "/jobs"),
        ("DELETE", "/jobs/public"),
        ("POST", "/public/restart"),
        ("POST", "/batches/fail-all"),
    ):
        answer = await client.request(method, path)
        assert said(answer) == (401, "unauthenticated"), path
        assert answer.headers["www-authenticate"] == "Bearer"
    named = await client.get("/jobs/public", headers=as_user("ann"))
    assert said(named) == (401, "unauthenticated")


async def test_a_wrong_key_is_refused_even_where_none_is_needed(client):
    for sent in (
        "Bearer",
        "Bearer ej_own_" + "a" * 43,
        "Bearer ej_nobody_" + "a" * 43,
        "Bearer ej_own_" + "ü" * 43,
        "Basic YW5uOmFubg==",
        "Bearer " + "x" * 10_000,
    ):
        answer = await client.get("/jobs/public", headers={"Authorization": sent.encode()})
        assert said(answer) == (401, "unauthenticated")
        assert answer.headers["www-authenticate"] == 'Bearer error="invalid_token"'


@pytest.mark.parametrize(
    ("key", "user", "status"),
    [
        ("own", None, 200),
        ("stranger", None, 403),
        ("own", "ann", 200),
        ("stranger", "ann", 403),
        ("admin", "ann", 403),
        ("gateway", "ann", 200),
        ("gateway", "eve", 403),
    ],
)
async def test_a_key_is_its_users_and_only_some_speak_for_others(client, keys, key, user, status):
    await client.got("/jobs/private", status, headers=keys[key] | as_user(user))
    if user is None:
        await client.got("/jobs/none", 404, headers=keys[key])


@pytest.mark.parametrize(
    ("key", "user", "status"),
    [
        ("own", None, 403),
        ("admin", None, 403),
        ("gateway", None, 201),
        ("gateway", "bob", 201),
        ("gateway", "ann", 403),
    ],
)
async def test_a_body_names_another_owner_only_where_the_key_may(client, keys, key, user, status):
    headers = keys[key] | as_user(user)
    answer = await client.sent("/jobs", job_body(user_id="bob"), status, headers=headers)
    assert status != 201 or answer["job"]["user_id"] == "bob"


async def test_an_administrator_reads_and_changes_all_by_name(client, keys, deployment):
    assert (await client.got("/jobs", headers=keys["admin"]))["total"] == 2
    await client.got("/jobs/private", headers=keys["admin"])
    await client.deleted("/jobs/private", headers=keys["admin"])
    assert deployment.sent[-1][1] == Caller("root", trusted=True)


async def test_who_is_acted_for_gets_no_right_of_the_key(tmp_path, keys):
    both = '"administer":true,"act_for_others":true'
    lines = (tmp_path / "keys").read_text().replace('"administer":true', both)
    (tmp_path / "keys").write_text(lines)
    async with client_of(Deployment(), **door(tmp_path)) as client:
        await client.sent("/jobs", job_body(job_id="j"), 201, headers=keys["own"])
        for user, status in (("eve", 403), ("*", 400), ("root", 200), ("ann", 200)):
            await client.got("/jobs/j", status, headers=keys["admin"] | as_user(user))


async def test_what_is_open_and_what_is_for_administrators(tmp_path, keys):
    async with client_of(Deployment(), **door(tmp_path, anonymous_reads=False)) as client:
        for path in ("/healthz", "/readyz", "/docs", "/openapi.json"):
            assert (await client.get(SITE + path)).status_code == 200
        for headers, status in (({}, 401), (keys["own"], 403), (keys["admin"], 200)):
            answer = await client.get(SITE + "/metrics", headers=headers)
            assert answer.status_code == status
        await client.got("/jobs", 401)


async def test_each_key_has_its_own_turn(tmp_path, keys):
    async with client_of(Deployment(), **door(tmp_path, Rate(3, 3600))) as client:
        answers = [await client.get("/jobs", headers=keys["own"]) for _ in range(4)]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
        left = [answer.headers["ratelimit"][:9] for answer in answers]
        assert left == [f'"key";r={n}' for n in (2, 1, 0, 0)]
        assert answers[0].headers["ratelimit-policy"] == '"key";q=3;w=3600'
        assert said(answers[3]) == (429, "rate_limited")
        assert 1190 <= int(answers[3].headers["retry-after"]) <= 1200
        await client.got("/jobs", headers=keys["stranger"])
        without = [(await client.get("/jobs")).status_code for _ in range(4)]
        assert without == [200, 200, 200, 429]


async def test_a_key_with_a_rate_of_its_own(tmp_path):
    key_id, text, digest = new_key()
    key = Key(id=key_id, user="ann", sha256=digest, rate="2/h")
    (tmp_path / "keys").write_text(format_key(key))
    assert msgspec.json.decode(format_key(key))["rate"] == "2/h"
    async with client_of(Deployment(), **door(tmp_path)) as client:
        codes = [(await client.get("/jobs", headers=bearer(text))).status_code for _ in range(3)]
    assert codes == [200, 200, 429]


async def test_bad_keys_are_counted_and_keep_no_good_one_out(client, keys):
    for _ in range(FAILURE_RATE.quota):
        await client.got("/jobs", 401, headers=bearer("x"))
    assert (await client.got("/jobs", 429, headers=bearer("x")))["error_type"] == "rate_limited"
    await client.got("/jobs", headers=keys["own"])


def test_the_file_is_read_again_and_warned_of_where_others_may_write_it(
    tmp_path, keys, monkeypatch
):
    monkeypatch.setattr("services.api.access.keys.RELOAD_INTERVAL_S", 0)
    log, file = QuietLog(), tmp_path / "keys"
    own, admin = (keys[name]["Authorization"].split()[1] for name in ("own", "admin"))
    file.chmod(0o600)
    ring = KeyRing(file, log)
    assert ring.find(own).user == "ann"
    whole = file.read_text()
    file.write_text(whole + "{broken")
    assert ring.find(own).user == "ann"
    assert [line[:2] for line in log.lines] == [("error", "keys.broken")]
    file.write_text("".join(x for x in whole.splitlines(keepends=True) if "ann" not in x))
    assert ring.find(own) is None
    assert ring.find(admin).administer
    file.unlink()
    assert ring.find(admin).administer
    file.write_text(whole)
    file.chmod(0o666)
    log = QuietLog()
    KeyRing(file, log)
    assert [line[:2] for line in log.lines] == [("warning", "keys.open_to_others")]
