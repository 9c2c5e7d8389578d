"""Lists over HTTP, page by page: by number with a total, or from place to place without."""

import pytest
from fakes_api import Deployment, as_user, client_of, job_body

ANN = as_user("ann")


@pytest.fixture
async def client():
    async with client_of(Deployment()) as client:
        for n in range(7):
            await client.post("/jobs", json=job_body(job_id=f"j{n}"), headers=ANN)
            await client.post("/batches", json={"jobs": [], "batch_id": f"b{n}"}, headers=ANN)
        await client.post("/jobs", json=job_body(job_id="bobs"), headers=as_user("bob"))
        yield client


async def got(client, path, status=200):
    answer = await client.get(path, headers=ANN)
    assert answer.status_code == status, answer.text
    return answer.json()


@pytest.mark.parametrize("kind", ["jobs", "batches"])
@pytest.mark.parametrize("paging", ["order=asc&sort=created_at", "sort=updated_at&user_id=ann"])
async def test_a_walk_by_cursor_ends_where_a_page_of_all_ends(client, kind, paging):
    whole = await got(client, f"/{kind}?{paging}")
    assert whole["total"] == 7
    assert "next" not in whole
    seen, cursor = [], ""
    while cursor is not None:
        page = await got(client, f"/{kind}?{paging}&limit=3&cursor={cursor}")
        assert "total" not in page
        seen += page[kind]
        cursor = page.get("next")
    assert seen == whole[kind]


@pytest.mark.parametrize("kind", ["jobs", "batches"])
async def test_a_page_with_a_total_leads_to_the_next_one_too(client, kind):
    first = await got(client, f"/{kind}?limit=4&skip=1")
    assert (first["total"], len(first[kind])) == (7, 4)
    rest = await got(client, f"/{kind}?limit=4&cursor={first['next']}")
    assert first[kind] + rest[kind] == (await got(client, f"/{kind}?skip=1"))[kind]
    assert {"total", "next"}.isdisjoint(rest)


@pytest.mark.parametrize("kind", ["jobs", "batches"])
@pytest.mark.parametrize("other", ["order=asc", "sort=updated_at", "status=pending", "user_id=ann"])
async def test_a_cursor_of_another_list_is_refused_by_name(client, kind, other):
    cursor = (await got(client, f"/{kind}?limit=2"))["next"]
    for path in (
        f"/{kind}?{other}&cursor={cursor}",
        f"/{'jobs' if kind == 'batches' else 'batches'}?cursor={cursor}",
        f"/{kind}?cursor={cursor[:-1]}",
    ):
        body = await got(client, path, 400)
        assert body["error_type"] == "validation_error"
        assert [wrong["field"] for wrong in body["details"]] == ["cursor"]


@pytest.mark.parametrize("cursor", ["", "x"])
async def test_a_cursor_and_a_skip_do_not_go_together(client, cursor):
    body = await got(client, f"/jobs?skip=0&cursor={cursor}", 400)
    assert body["details"] == [{"field": "cursor", "message": "cannot be combined with skip"}]


async def test_a_cursor_shows_nobody_what_is_not_theirs(client):
    cursor = (await got(client, "/jobs?limit=2"))["next"]
    answer = await client.get(f"/jobs?order=desc&cursor={cursor}", headers=as_user("bob"))
    assert answer.status_code == 200
    assert {job["user_id"] for job in answer.json()["jobs"]} <= {"bob"}
