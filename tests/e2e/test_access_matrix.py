"""Who may do what: each caller on each operation, with and without API keys, on real processes."""

import subprocess
import sys
from pathlib import Path

import pytest
from access_table import CALLERS, ROWS, WITH_KEYS
from asking import MISSING, OPERATION, PARAMETERS, address, bearer, place
from deployment import eventually

from services.api.routes import OPERATIONS

JOBS, BATCHES = "/api/event-job/jobs", "/api/event-job/batches"
ALWAYS_OPEN = {"get_health", "get_readiness"}
FOR_ALL = ALWAYS_OPEN | {"get_openapi", "get_docs"}
FOREIGN = {"gateway": "owner", "reader": "owner", "operator": "owner"}
ERRORS = {401: "unauthenticated", 403: "permission_denied", 404: "not_found"}
ANY = [row for row in ROWS if row.of in {"any", "private", "new"} and not row.query]
NAMED = [caller for caller in CALLERS if caller != "nobody"]
READERS, CHANGERS = {"owner", "reader", "writer", "admin"}, {"owner", "writer", "admin"}


@pytest.fixture(scope="module")
def open_place(tmp_path_factory):
    with place(tmp_path_factory.mktemp("open"), with_keys=False) as there:
        yield there


@pytest.fixture(scope="module")
def locked_place(tmp_path_factory):
    with place(tmp_path_factory.mktemp("locked"), with_keys=True) as there:
        yield there


def check(answer, status, what):
    assert answer.status == status, (str(what), answer)
    if status >= 400:
        assert answer.json["error_type"] == ERRORS[status]


def test_every_operation_has_its_rows():
    assert {row.operation for row in ROWS} == {operation.id for operation in OPERATIONS}
    for operation in OPERATIONS:
        of = {row.of for row in ROWS if row.operation == operation.id}
        assert of >= ({"private", "public", "missing"} if "{" in operation.path else set())


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_without_keys(open_place, row):
    for caller, status in row.without_keys.items():
        about = open_place.object_of(row)
        check(open_place.ask(row, about, open_place.as_caller(caller)), status, (row, caller))


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_with_keys(locked_place, row):
    for caller, status in row.with_keys.items():
        about = locked_place.object_of(row)
        check(locked_place.ask(row, about, locked_place.as_caller(caller)), status, (row, caller))


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_through_a_key_that_may_act_for_others(locked_place, row):
    """Each user may what his own key may, and no more: nothing of the key's is added."""
    for caller in NAMED:
        about = locked_place.object_of(row)
        headers = bearer(locked_place.keys["gateway"]) | {"X-User-ID": caller}
        check(locked_place.ask(row, about, headers), row.with_keys[caller], (row, caller))


@pytest.mark.parametrize("row", ANY, ids=str)
def test_a_name_beside_a_key_that_is_anothers(locked_place, row):
    """It counts for nothing: who is no gateway gets nowhere with it, not even as operator."""
    about = locked_place.object_of(row)
    is_below = OPERATION[row.operation].path.startswith("/api/")
    for caller in ("stranger", "reader", "operator"):
        headers = locked_place.as_caller(caller) | {"X-User-ID": "owner"}
        status = 403 if is_below else row.with_keys[caller]
        check(locked_place.ask(row, about, headers), status, (row, caller))


@pytest.mark.parametrize("row", ANY, ids=str)
def test_a_name_without_a_key(locked_place, row):
    about = locked_place.object_of(row)
    for caller in NAMED:
        answer = locked_place.ask(row, about, {"X-User-ID": caller})
        check(answer, 200 if row.operation in FOR_ALL else 401, (row, caller))


@pytest.mark.parametrize("row", ANY, ids=str)
def test_a_wrong_key_opens_nothing(locked_place, row):
    """Each from an address of its own: there they would be too many."""
    right = locked_place.keys["operator"]
    for source, sent in enumerate(
        (bearer(right[:-1] + "?"), bearer(right[:-1]), {"Authorization": f"Basic {right}"}),
        2 + 3 * ANY.index(row),
    ):
        answer = locked_place.ask(row, locked_place.kept["public"], sent, source)
        check(answer, 200 if row.operation in ALWAYS_OPEN else 401, (row, sent))


def test_a_revoked_key_opens_nothing(locked_place):
    key, file = bearer(locked_place.keys["gone"]), locked_place.up.folder / "keys.jsonl"
    assert locked_place.request("GET", JOBS, None, key).status == 200
    command = [str(Path(sys.executable).with_name("eventjob")), "key", "revoke", "gone"]
    subprocess.run([*command, "--file", str(file)], check=True, timeout=60)
    eventually("revoked", 5, lambda: locked_place.request("GET", JOBS, None, key).status == 401)
    for number, row in enumerate(ANY):
        answer = locked_place.ask(row, locked_place.kept["public"], key, 100 + number)
        check(answer, 200 if row.operation in ALWAYS_OPEN else 401, row)
    owner = locked_place.as_caller("owner")
    assert locked_place.request("GET", JOBS, None, owner).status == 200


def test_where_nobody_reads_without_a_key(tmp_path):
    with place(tmp_path, with_keys=True, EVENTJOB_ANONYMOUS="none") as there:
        for row in ROWS:
            about = there.kept["public"] if row.of != "missing" else MISSING
            check(there.ask(row, about, {}), 200 if row.operation in FOR_ALL else 401, row)


def test_where_the_door_is_open_who_has_no_name_may_everything(tmp_path):
    with place(tmp_path, with_keys=False, EVENTJOB_ANONYMOUS="full") as there:
        for row in ROWS:
            for caller, as_whom in (("nobody", "owner"), ("stranger", "stranger")):
                answer = there.ask(row, there.object_of(row), there.as_caller(caller))
                check(answer, row.without_keys[as_whom], (row, caller))


def reads(kind, there, caller):
    """Which of the two kept ones a list holds."""
    path = f"{JOBS if kind == 'jobs' else BATCHES}?limit=1000"
    answer = there.request("GET", path, None, there.as_caller(caller)).json
    seen = {found["job_id" if kind == "jobs" else "batch_id"] for found in answer[kind]}
    assert answer["total"] == len(seen)
    return {of for of, kept in there.kept.items() if seen & {kept.job_id, kept.batch_id}}


@pytest.mark.parametrize("kind", ["jobs", "batches"])
def test_lists_hold_and_count_what_the_caller_may_see(open_place, locked_place, kind):
    for caller in WITH_KEYS:
        seen = {"private", "public"} if caller in {*READERS, "operator"} else {"public"}
        assert reads(kind, locked_place, caller) == seen, caller
        if caller in CALLERS:
            assert reads(kind, open_place, caller) == seen, caller


@pytest.mark.parametrize(
    ("kind", "caller"),
    [
        *(("open_place", caller) for caller in CALLERS),
        *(("locked_place", caller) for caller in WITH_KEYS),
    ],
)
def test_fail_all_touches_what_the_caller_may_change(request, kind, caller):
    there = request.getfixturevalue(kind)
    made = there.new("public")
    there.request("POST", f"{BATCHES}/fail-all", None, there.as_caller(caller))
    found = there.request("GET", address(OPERATION["get_job"], made), None, {}).json["job"]
    cancelled = found["status"] == "failed" and found["error"]["code"] == "cancelled"
    assert cancelled == (caller in {*CHANGERS, "operator"})


@pytest.mark.parametrize("kind", ["open_place", "locked_place"])
def test_nobody_posts_in_another_name(request, kind):
    there = request.getfixturevalue(kind)
    job = {"parameters": PARAMETERS | {"url": there.silent}, "user_id": "somebody"}
    for caller in NAMED:
        assert there.request("POST", JOBS, job, there.as_caller(caller)).status == 403
    if there.keys:
        for caller, status in (("operator", 403), ("gateway", 201)):
            answer = there.request("POST", JOBS, job, bearer(there.keys[caller]))
            assert answer.status == status
        assert answer.json["job"]["user_id"] == "somebody"


def test_without_header_the_body_names_the_owner(open_place):
    parameters = PARAMETERS | {"url": open_place.silent}
    job = open_place.request("POST", JOBS, {"parameters": parameters, "user_id": "owner"}, {}).json
    path = f"{JOBS}/{job['job']['job_id']}"
    assert open_place.request("GET", path, None, {}).status == 403
    assert open_place.request("GET", path, None, {"X-User-ID": "owner"}).status == 200


def test_what_has_no_owner_is_everybodys(open_place):
    parameters = PARAMETERS | {"url": open_place.silent}
    for caller in CALLERS:
        job = open_place.request("POST", JOBS, {"parameters": parameters}, {}).json["job"]
        path = f"{JOBS}/{job['job_id']}"
        headers = open_place.as_caller(caller)
        assert open_place.request("GET", path, None, headers).status == 200
        assert open_place.request("DELETE", path, None, headers).status == 200
