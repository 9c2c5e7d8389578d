"""API keys: who is asking, whom a key may speak for, and how often."""

import msgspec
import pytest
from fakes import QuietLog
from fakes_api import Deployment, as_user, client_of, job_body

from eventjob.domain.access import Caller
from eventjob.runtime.setting_types import Rate
from services.api.access.authenticate import FAILURE_RATE, KeyPolicy
from services.api.access.keys import Key, KeyRing, format_key, new_key

OWNERS = {"own": "ann", "gateway": "gate", "admin": "root", "stranger": "eve"}
OFTEN = Rate(100_000, 1)


@pytest.fixture
def texts(tmp_path):
    """A key of each kind; the file of their hashes is ``keys`` beside it."""
    made, lines = {}, []
    for name, user in OWNERS.items():
        key_id, text, digest = new_key(name)
        rights = {"act_for_others": name == "gateway", "administer": name == "admin"}
        lines.append(format_key(Key(id=key_id, user=user, sha256=digest, **rights)))
        made[name] = text
    (tmp_path / "keys").write_text("# ours\n\n" + "\n".join(lines) + "\n")
    return made


def door(tmp_path, usual=OFTEN, **options):
    return KeyPolicy(KeyRing(tmp_path / "keys", QuietLog()), usual, **options)


@pytest.fixture
async def client(tmp_path, texts):
    async with client_of(Deployment(), key_policy=door(tmp_path)) as client:
        for job_id, visibility in (("private", "private"), ("public", "public")):
            body = job_body(job_id=job_id, access_control={"visibility": visibility})
            answer = await client.post("/jobs", json=body, headers=bearer(texts["own"]))
            assert answer.json()["job"]["user_id"] == "ann"
        yield client


def bearer(text, **more):
    return {"Authorization": f"Bearer {text}", **more}


def said(answer):
    return answer.status_code, answer.json().get("error_type")


async def test_without_a_key_what_is_public_is_read_and_nothing_else(client):
    assert (await client.get("/jobs/public")).status_code == 200
    assert [job["job_id"] for job in (await client.get("/jobs")).json()["jobs"]] == ["public"]
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


async def test_a_name_without_a_key_is_nobodys(client):
    answer = await client.get("/jobs/public", headers=as_user("ann"))
    assert said(answer) == (401, "unauthenticated")


@pytest.mark.parametrize(
    "sent",
    [
        "Bearer",
        "Bearer ej_own_" + "a" * 43,
        "Bearer ej_nobody_" + "a" * 43,
        "Bearer ej_own_" + "ü" * 43,
        "Basic YW5uOmFubg==",
        "Bearer " + "x" * 10_000,
    ],
)
async def test_a_wrong_key_is_refused_even_where_none_is_needed(client, sent):
    answer = await client.get("/jobs/public", headers={"Authorization": sent.encode()})
    assert said(answer) == (401, "unauthenticated")
    assert answer.headers["www-authenticate"] == 'Bearer error="invalid_token"'


async def test_a_key_is_its_users(client, texts):
    assert (await client.get("/jobs/private", headers=bearer(texts["own"]))).status_code == 200
    stranger = await client.get("/jobs/private", headers=bearer(texts["stranger"]))
    assert said(stranger) == (403, "permission_denied")
    missing = await client.get("/jobs/none", headers=bearer(texts["stranger"]))
    assert said(missing) == (404, "not_found")


async def test_only_a_key_that_may_speaks_for_others(client, texts):
    for name, user, status in (
        ("own", "ann", 200),
        ("stranger", "ann", 403),
        ("admin", "ann", 403),
        ("gateway", "ann", 200),
        ("gateway", "eve", 403),
    ):
        answer = await client.get("/jobs/private", headers=bearer(texts[name], **as_user(user)))
        assert answer.status_code == status, (name, user)


async def test_a_body_names_another_owner_only_where_the_key_may(client, texts):
    for name, more, status in (
        ("own", {}, 403),
        ("admin", {}, 403),
        ("gateway", {}, 201),
        ("gateway", as_user("bob"), 201),
        ("gateway", as_user("ann"), 403),
    ):
        body = job_body(user_id="bob")
        answer = await client.post("/jobs", json=body, headers=bearer(texts[name], **more))
        assert answer.status_code == status, (name, more)
        if status == 201:
            assert answer.json()["job"]["user_id"] == "bob"


async def test_an_administrator_reads_and_changes_all_by_name(tmp_path, texts):
    deployment = Deployment()
    async with client_of(deployment, key_policy=door(tmp_path)) as client:
        await client.post("/jobs", json=job_body(job_id="j"), headers=bearer(texts["own"]))
        headers = bearer(texts["admin"])
        assert (await client.get("/jobs", headers=headers)).json()["total"] == 1
        assert (await client.get("/jobs/j", headers=headers)).status_code == 200
        assert (await client.delete("/jobs/j", headers=headers)).status_code == 200
    assert deployment.sent[-1][1] == Caller("root", trusted=True)


async def test_who_is_acted_for_gets_no_right_of_the_key(tmp_path, texts):
    lines = (
        (tmp_path / "keys")
        .read_text()
        .replace('"administer":true', '"administer":true,"act_for_others":true')
    )
    (tmp_path / "keys").write_text(lines)
    async with client_of(Deployment(), key_policy=door(tmp_path)) as client:
        await client.post("/jobs", json=job_body(job_id="j"), headers=bearer(texts["own"]))
        for user, status in (("eve", 403), ("*", 400), ("root", 200), ("ann", 200)):
            headers = bearer(texts["admin"], **as_user(user))
            assert (await client.get("/jobs/j", headers=headers)).status_code == status


async def test_what_is_open_and_what_is_for_administrators(tmp_path, texts):
    async with client_of(Deployment(), key_policy=door(tmp_path, anonymous_reads=False)) as client:
        root = str(client.base_url).removesuffix("/api/event-job/")
        for path in ("/healthz", "/readyz", "/docs", "/openapi.json"):
            assert (await client.get(root + path)).status_code == 200
        assert (await client.get(root + "/metrics")).status_code == 401
        assert (
            await client.get(root + "/metrics", headers=bearer(texts["own"]))
        ).status_code == 403
        admin = await client.get(root + "/metrics", headers=bearer(texts["admin"]))
        assert admin.status_code == 200
        assert (await client.get("/jobs")).status_code == 401


async def test_each_key_has_its_own_turn(tmp_path, texts):
    async with client_of(Deployment(), key_policy=door(tmp_path, Rate(3, 3600))) as client:
        answers = [await client.get("/jobs", headers=bearer(texts["own"])) for _ in range(4)]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
        assert [answer.headers["ratelimit"][:9] for answer in answers] == [
            '"key";r=2',
            '"key";r=1',
            '"key";r=0',
            '"key";r=0',
        ]
        assert answers[0].headers["ratelimit-policy"] == '"key";q=3;w=3600'
        assert said(answers[3]) == (429, "rate_limited")
        assert 1190 <= int(answers[3].headers["retry-after"]) <= 1200
        assert (await client.get("/jobs", headers=bearer(texts["stranger"]))).status_code == 200
        without = [(await client.get("/jobs")).status_code for _ in range(4)]
        assert without == [200, 200, 200, 429]


async def test_bad_keys_are_counted_and_keep_no_good_one_out(client, texts):
    for _ in range(FAILURE_RATE.quota):
        assert (await client.get("/jobs", headers=bearer("x"))).status_code == 401
    refused = await client.get("/jobs", headers=bearer("x"))
    assert said(refused) == (429, "rate_limited")
    assert (await client.get("/jobs", headers=bearer(texts["own"]))).status_code == 200


async def test_the_file_is_read_again(tmp_path, texts, monkeypatch):
    monkeypatch.setattr("services.api.access.keys.RELOAD_INTERVAL_S", 0)
    log = QuietLog()
    ring = KeyRing(tmp_path / "keys", log)
    assert ring.find(texts["own"]).user == "ann"
    whole = (tmp_path / "keys").read_text()
    (tmp_path / "keys").write_text(whole + "{broken")
    assert ring.find(texts["own"]).user == "ann"
    assert next(line for line in log.lines if line[0] == "error")[1] == "keys.broken"
    (tmp_path / "keys").write_text(
        "".join(line for line in whole.splitlines(keepends=True) if "ann" not in line)
    )
    assert ring.find(texts["own"]) is None
    assert ring.find(texts["admin"]).administer
    (tmp_path / "keys").unlink()
    assert ring.find(texts["admin"]).administer


@pytest.mark.usefixtures("texts")
def test_a_file_that_others_may_write_is_warned_of(tmp_path):
    (tmp_path / "keys").chmod(0o666)
    log = QuietLog()
    KeyRing(tmp_path / "keys", log)
    assert [line[:2] for line in log.lines] == [("warning", "keys.open_to_others")]


async def test_a_key_with_a_rate_of_its_own(tmp_path):
    key_id, text, digest = new_key()
    key = Key(id=key_id, user="ann", sha256=digest, rate="2/h")
    (tmp_path / "keys").write_text(format_key(key))
    assert msgspec.json.decode(format_key(key))["rate"] == "2/h"
    async with client_of(Deployment(), key_policy=door(tmp_path)) as client:
        codes = [(await client.get("/jobs", headers=bearer(text))).status_code for _ in range(3)]
    assert codes == [200, 200, 429]
