"""Who may do what, on real processes with API keys; each operation once, by who may and may not."""

import pytest
from access_table import ACCESS, MISSING, OPERATION, ROWS, About, bearer, request_of, write_keys
from deployment import Up, eventually, exchanged, without_pauses


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    folder = tmp_path_factory.mktemp("access")
    return folder, write_keys(folder / "keys.jsonl")


@pytest.fixture(scope="module")
def up(keys, site):
    settings = {"EVENTJOB_API_KEYS_FILE": f"{keys[0]}/keys.jsonl", "EVENTJOB_RATE_LIMIT": "9999/s"}
    with Up(keys[0], **settings, **without_pauses(site.port)) as up:
        yield up


def submit(up, site, owner, name):
    """A private batch that is done, with its ZIP."""
    up.who = owner
    jobs = [{"parameters": {"event": "E", "track": "T", "session": "S", "filename": "done.md"}}]
    jobs[0]["parameters"]["url"] = f"{site.url}/{name}"
    access = ACCESS | {"visibility": "private"}
    made = About(up.submit(name, jobs, access_control=access)[0], name)
    up.zip_of(name)
    up.who = {}
    return made


def test_each_operation_asks_who_it_is(up, site, keys):
    owner = bearer(keys[1]["owner"])
    kept, wrong = submit(up, site, owner, "kept"), []
    for number, row in enumerate(row for row in ROWS if row.of in {"any", "private", "new"}):
        is_read = OPERATION[row.operation].method == "GET"
        about = MISSING if row.of != "private" else kept
        if row.of == "private" and not is_read:
            about = submit(up, site, owner, f"own-{number}")
        method, path, body = request_of(row, about, f"{site.url}/page")
        for who in ("nobody", "stranger", "owner"):  # who may comes last: it may be gone then
            headers = {} if who == "nobody" else bearer(keys[1][who])
            answer = exchanged(method, up.root + path, body, headers)
            if answer.status != row.with_keys[who]:
                wrong.append((str(row), who, row.with_keys[who], answer))
    assert wrong == []


def test_a_revoked_key_opens_nothing_and_the_others_go_on(up, keys):
    gone, owner = bearer(keys[1]["gone"]), bearer(keys[1]["owner"])
    assert up.get("/jobs", **gone).status == 200
    up.did("key", "revoke", "gone", "--file", keys[0] / "keys.jsonl")
    eventually("revoked", 5, lambda: up.get("/jobs", **gone).status == 401)
    assert up.get("/jobs", **owner).status == 200
