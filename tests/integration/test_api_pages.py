"""What lies outside the base path: health, metrics, documentation."""

import re

import pytest
from api_client import client_of
from fakes_api import SITE, Deployment

from eventjob.bus.errors import Unavailable
from eventjob.contracts.paths import BASE_PATH
from eventjob.projection.store import StoreUnavailable
from services.api.routes import OPERATIONS


@pytest.fixture
async def document(client):
    return await client.got(f"{SITE}/openapi.json")


@pytest.fixture
def operations(document):
    """(path, operation) of each."""
    return [(path, o) for path, methods in document["paths"].items() for o in methods.values()]


async def metrics(client):
    answer = await client.get(f"{SITE}/metrics")
    assert answer.status_code == 200
    return answer.text


async def test_health_and_readiness(client, deployment):
    assert (await client.got(f"{SITE}/readyz"))["status"] == "success"
    deployment.reasons = ["not connected to NATS"]
    deployment.store_fault = StoreUnavailable("mongodb://secret@host")
    assert (await client.got(f"{SITE}/healthz"))["status"] == "success"
    async with client_of(deployment, free_bytes=0) as full:
        body = await full.got(f"{SITE}/readyz", 503)
    assert body["error_type"] == "unavailable"
    assert body["details"] == [
        "not connected to NATS",
        "the store does not answer",
        "too little disk space is left",
    ]
    for path in ("/healthz", "/readyz", "/metrics", "/openapi.json", "/docs"):
        await client.got(path, 404)  # nothing of this lies below the base path


async def test_metrics_count_by_route_and_never_by_what_clients_make_up(client, deployment):
    await client.new_job("secret")
    await client.get("/jobs/secret")
    await client.get("/nothing/secret")
    await client.request("SECRET", "/jobs")
    text = await metrics(client)
    counted = 'eventjob_http_requests_total{method="%s",route="%s",status="%d"} 1.0'
    assert counted % ("POST", f"{BASE_PATH}/jobs", 201) in text
    assert counted % ("GET", f"{BASE_PATH}/jobs/{{job_id}}", 200) in text
    assert counted % ("GET", "unmatched", 404) in text
    assert 'method="other"' in text
    assert "secret" not in text.lower()
    assert 'eventjob_jobs{status="pending"} 1.0' in text
    assert "eventjob_projection_sequence" in text
    deployment.store_fault = StoreUnavailable("away")
    await metrics(client)  # does without the store
    async with client_of(Deployment()) as other:  # which counts apart
        await other.got("/jobs")
        assert f'route="{BASE_PATH}/jobs",status="200"}} 1.0' in await metrics(other)


async def test_what_is_parked_is_said_and_counted_and_is_no_reason_not_to_be_ready(
    client, deployment
):
    deployment.parked_messages = 3
    ready = await client.got(f"{SITE}/readyz")
    assert ready["message"] == "ready; 3 messages are parked, see `eventjob parked`"
    assert "eventjob_parked_messages 3.0" in await metrics(client)
    deployment.bus_fault = Unavailable("NATS is away")
    assert (await client.got(f"{SITE}/readyz"))["message"] == "ready"
    assert "eventjob_parked_messages 3.0" in await metrics(client)


async def test_every_operation_is_documented(document, operations):
    found = {(method, path) for path, methods in document["paths"].items() for method in methods}
    assert found == {(o.method.lower(), o.path.replace(":path", "")) for o in OPERATIONS}
    ids = [operation["operationId"] for _, operation in operations]
    assert len(ids) == len(set(ids))
    names = re.findall(r"'\$ref': '#/components/schemas/([^']+)'", str(document))
    assert names
    assert set(names) <= set(document["components"]["schemas"])


async def test_a_key_is_documented_where_it_means_something(document, operations):
    assert document["security"] == [{}, {"key": []}]
    assert document["components"]["securitySchemes"]["key"]["scheme"] == "bearer"
    for path, operation in operations:
        is_open = path in {"/healthz", "/readyz"}
        assert operation.get("security") == ([] if is_open else None)
        refused = {"401", "429"} & set(operation["responses"])
        assert refused == (set() if is_open else {"401", "429"})


async def test_every_json_body_and_answer_has_an_example_that_can_be_sent(
    client, document, operations
):
    for path, operation in operations:
        for body in (operation.get("requestBody"), *operation["responses"].values()):
            content = (body or {}).get("content", {}).get("application/json")
            if content and path.startswith(BASE_PATH):
                assert content["example"]
    for path in ("/jobs", "/batches"):
        sent = document["paths"][f"{BASE_PATH}{path}"]["post"]["requestBody"]
        await client.sent(path, sent["content"]["application/json"]["example"], 201)


async def test_answers_are_as_documented(client, document, deployment):
    """The fields of real answers are those of their schemas, and no required one is missing."""
    await client.new_job("j")
    await deployment.complete("j")
    job = (await client.got("/jobs/j"))["job"]
    schemas = document["components"]["schemas"]
    assert set(schemas["JobView"]["required"]) <= set(job) <= set(schemas["JobView"]["properties"])
    assert set(job["results"]) == set(schemas["Results"]["properties"])


async def test_the_documentation_needs_nothing_from_elsewhere(client):
    answer = await client.get(f"{SITE}/docs")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/html")
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; ")
    assert "; style-src 'sha256-" in policy
    assert not re.search(r"<script|<link|<img|src=", answer.text)
    for operation in OPERATIONS:
        assert operation.path.replace(":path", "") in answer.text
