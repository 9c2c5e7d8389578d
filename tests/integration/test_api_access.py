"""Who may do what: each caller on each operation, with and without API keys."""

import itertools

import pytest
from access_place import OFTEN, place
from access_table import (
    CALLERS,
    OPERATION,
    ROWS,
    WITH_KEYS,
    bearer,
)
from api_client import client_of
from fakes_api import Deployment, as_user, job_body
from hypothesis import given
from hypothesis import strategies as st

from eventjob.contracts.base import Access
from eventjob.domain.access import Caller, may_change, may_read
from services.api.routes import OPERATIONS

ALWAYS_OPEN = {"get_health", "get_readiness"}
FOR_ALL = ALWAYS_OPEN | {"get_openapi", "get_docs"}
ANY = [row for row in ROWS if row.of in {"any", "private", "new"} and not row.query]
NAMED = [caller for caller in CALLERS if caller != "nobody"]
READERS, CHANGERS = {"owner", "reader", "writer", "admin"}, {"owner", "writer", "admin"}
OWNER = as_user("owner")


@pytest.fixture
async def open_place(tmp_path):
    async with place(tmp_path) as there:
        yield there


@pytest.fixture
async def locked_place(tmp_path, monkeypatch):
    monkeypatch.setattr("services.api.access.authenticate.FAILURE_RATE", OFTEN)
    async with place(tmp_path, with_keys=True) as there:
        yield there


async def failures(there, rows, asked):
    """Of all that ``asked`` says of a row, as (headers, expected status, who), what went wrong."""
    found = []
    for row in rows:
        for headers, status, who in asked(row):
            found += await there.wrong(row, headers, status, who)
    return found


def test_every_operation_has_its_rows():
    assert {row.operation for row in ROWS} == {operation.id for operation in OPERATIONS}
    for operation in OPERATIONS:
        of = {row.of for row in ROWS if row.operation == operation.id}
        assert of >= ({"private", "public", "missing"} if "{" in operation.path else set())


async def test_without_keys(open_place):
    def asked(row):
        return [(open_place.as_caller(who), s, who) for who, s in row.without_keys.items()]

    assert await failures(open_place, ROWS, asked) == []


async def test_with_keys(locked_place):
    def asked(row):
        return [(locked_place.as_caller(who), s, who) for who, s in row.with_keys.items()]

    assert await failures(locked_place, ROWS, asked) == []


async def test_through_a_key_that_may_act_for_others(locked_place):
    """Each user may what his own key may, and no more: nothing of the key's is added."""
    gateway = bearer(locked_place.keys["gateway"])

    def asked(row):
        return [(gateway | as_user(who), row.with_keys[who], who) for who in NAMED]

    assert await failures(locked_place, ROWS, asked) == []


async def test_where_the_door_is_open_who_has_no_name_may_everything(tmp_path):
    def asked(row):
        return [
            ({}, row.without_keys["owner"], "nobody"),
            (as_user("stranger"), row.without_keys["stranger"], "stranger"),
        ]

    async with place(tmp_path, is_open=True) as there:
        assert await failures(there, ROWS, asked) == []
        await there.client.delete("/batches/done-private")
        assert there.deployment.sent[-1][1] == Caller(None, trusted=True)


async def test_where_nobody_reads_without_a_key(tmp_path):
    def asked(row):
        return [({}, 200 if row.operation in FOR_ALL else 401, "nobody")]

    async with place(tmp_path, with_keys=True, anonymous_reads=False) as there:
        assert await failures(there, ROWS, asked) == []


async def test_a_name_beside_a_key_that_is_anothers(locked_place):
    """It counts for nothing: who is no gateway gets nowhere with it, not even as operator."""

    def asked(row):
        is_below = OPERATION[row.operation].path.startswith("/api/")
        for who in ("stranger", "reader", "operator"):
            yield (
                locked_place.as_caller(who) | as_user("owner"),
                403 if is_below else row.with_keys[who],
                who,
            )

    assert await failures(locked_place, ANY, asked) == []


async def test_a_name_without_a_key(locked_place):
    def asked(row):
        return [(as_user(who), 200 if row.operation in FOR_ALL else 401, who) for who in NAMED]

    assert await failures(locked_place, ANY, asked) == []


async def test_a_wrong_key_opens_nothing(locked_place, tmp_path, monkeypatch):
    monkeypatch.setattr("services.api.access.keys.RELOAD_INTERVAL_S", 0)
    right, gone = locked_place.keys["operator"], locked_place.keys["gone"]
    assert (await locked_place.client.get("/jobs", headers=bearer(gone))).status_code == 200
    file = tmp_path / "keys"
    lines = file.read_text().splitlines(keepends=True)
    file.write_text("".join(line for line in lines if '"id":"gone"' not in line))

    def asked(row):
        status = 200 if row.operation in ALWAYS_OPEN else 401
        wrong = (bearer(right[:-1] + "?"), bearer(right[:-1]), bearer(gone))
        return [(sent, status, sent) for sent in (*wrong, {"Authorization": f"Basic {right}"})]

    assert await failures(locked_place, ANY, asked) == []
    owner = locked_place.as_caller("owner")
    assert (await locked_place.client.get("/jobs", headers=owner)).status_code == 200


async def test_lists_hold_and_count_what_the_caller_may_see(open_place, locked_place):
    for there, caller in itertools.product((open_place, locked_place), WITH_KEYS):
        if caller not in CALLERS and there is open_place:
            continue
        seen = {"private", "public"} if caller in {*READERS, "operator"} else {"public"}
        wanted = {f"done-{of}" for of in seen}
        for path in ("/jobs", "/batches", "/jobs?user_id=owner", "/batches?user_id=owner"):
            answer = (await there.client.get(path, headers=there.as_caller(caller))).json()
            listed = answer["jobs" if "jobs" in path else "batches"]
            assert {found["batch_id"] for found in listed} == wanted, (caller, path)
            assert answer["total"] == len(wanted)


async def test_fail_all_touches_what_the_caller_may_change(open_place, locked_place):
    for there, caller in itertools.product((open_place, locked_place), WITH_KEYS):
        if caller not in CALLERS and there is open_place:
            continue
        made = await there.new("public")
        await there.client.post("/batches/fail-all", headers=there.as_caller(caller))
        found = (await there.client.get(f"/jobs/{made.job_id}")).json()["job"]
        cancelled = found["status"] == "failed" and found["error"]["code"] == "cancelled"
        assert cancelled == (caller in {*CHANGERS, "operator"}), caller


async def test_nobody_posts_in_another_name(open_place, locked_place):
    body = job_body(user_id="somebody")
    for there in (open_place, locked_place):
        for caller in NAMED:
            answer = await there.client.post("/jobs", json=body, headers=there.as_caller(caller))
            assert answer.status_code == 403
    for caller, status in (("operator", 403), ("gateway", 201)):
        headers = bearer(locked_place.keys[caller])
        answer = await locked_place.client.post("/jobs", json=body, headers=headers)
        assert answer.status_code == status
    assert answer.json()["job"]["user_id"] == "somebody"


async def test_a_stranger_does_not_learn_what_is_missing(open_place):
    job = (await open_place.new("private")).job_id
    kept = open_place.kept["private"].job_id
    reads = (f"/files/{kept}/no/such/file", f"/jobs/{job}/download-archive", f"/jobs/{job[:-1]}2")
    for caller in CALLERS:
        headers = open_place.as_caller(caller)
        for path in reads:
            answer = await open_place.client.get(path, headers=headers)
            assert answer.status_code == (404 if caller in READERS else 403), (caller, path)
        for method, path in (("POST", f"{reads[2]}/restart"), ("DELETE", reads[2])):
            answer = await open_place.client.request(method, path, headers=headers)
            assert answer.status_code == (404 if caller in CHANGERS else 403), (caller, path)


async def test_what_nobody_owns_is_everybodys(open_place):
    for caller in CALLERS:
        await open_place.client.post("/jobs", json=job_body(job_id=caller))
        for method in ("GET", "DELETE"):
            answer = await open_place.client.request(
                method, f"/jobs/{caller}", headers=open_place.as_caller(caller)
            )
            assert answer.status_code == 200


@pytest.mark.parametrize(
    ("header", "named", "open_door", "status", "owner"),
    [
        ("ann", None, False, 201, "ann"),
        ("ann", "ann", False, 201, "ann"),
        ("ann", "eve", False, 403, None),
        (None, "eve", False, 201, "eve"),
        (None, None, False, 201, None),
        ("ann", "eve", True, 201, "eve"),
        (None, "eve", True, 201, "eve"),
    ],
)
async def test_the_owner_is_who_asks(header, named, open_door, status, owner):
    async with client_of(Deployment(), is_open=open_door) as client:
        body = job_body(user_id=named)
        answer = await client.post("/jobs", json=body, headers=as_user(header))
    assert answer.status_code == status
    if status == 201:
        assert answer.json()["job"].get("user_id") == owner


async def test_who_creates_for_another_sees_only_what_he_sent(open_place):
    headers, body = {"Idempotency-Key": "k"}, job_body(user_id="owner", job_id="gift")
    first = await open_place.client.post("/jobs", json=body, headers=headers)
    await open_place.deployment.complete("gift")
    again = await open_place.client.post("/jobs", json=body, headers=headers)
    assert (first.status_code, again.status_code) == (201, 201)
    assert "results" not in again.json()["job"]
    assert (await open_place.client.get("/jobs/gift")).status_code == 403
    assert (await open_place.client.get("/jobs/gift", headers=OWNER)).status_code == 200


async def test_private_answers_stay_with_who_asked(open_place):
    for row in (row for row in ROWS if row.of in {"private", "any"}):
        if OPERATION[row.operation].path.startswith("/api/"):
            for headers in (OWNER, {}):
                answer = await open_place.ask(row, headers)
                assert "private" in answer.headers["cache-control"]
                assert "X-User-ID" in answer.headers["vary"]
                assert answer.headers["x-content-type-options"] == "nosniff"


NAMES = st.sampled_from(["ada", "bob", "eve"])
SOME = st.lists(NAMES, max_size=2).map(tuple)
LISTS = {f"{kind}_access": SOME for kind in ("read", "write", "admin")}
RULE = st.builds(Access, visibility=st.sampled_from(["private", "public"]), **LISTS)


@given(st.none() | NAMES, st.none() | NAMES, RULE)
def test_rights_come_from_owner_lists_and_visibility_alone(user, owner, rule):
    caller = Caller(user)
    changes = owner is None or (
        user is not None and user in {owner, *rule.write_access, *rule.admin_access}
    )
    reads = (
        changes or rule.visibility == "public" or (user is not None and user in rule.read_access)
    )
    assert (may_read(caller, owner, rule), may_change(caller, owner, rule)) == (reads, changes)
    assert may_change(Caller(user, trusted=True), owner, rule)
