"""What lies outside the base path: health, metrics, documentation."""

import re

import pytest
from fakes_api import SITE, Deployment, client_of, job_body

from eventjob.bus.errors import Unavailable
from eventjob.contracts.paths import BASE_PATH
from eventjob.projection.store import StoreUnavailable
from services.api.routes import OPERATIONS


@pytest.fixture
def deployment():
    return Deployment()


@pytest.fixture
async def client(deployment):
    async with client_of(deployment) as client:
        yield client


@pytest.fixture
async def document(client):
    answer = await client.get(f"{SITE}/openapi.json")
    assert answer.status_code == 200
    return answer.json()


async def test_alive_is_alive_whatever_is_away(client, deployment):
    deployment.reasons = ["not connected to NATS"]
    assert (await client.get(f"{SITE}/healthz")).json()["status"] == "success"


async def test_ready_means_that_all_is_well(client):
    answer = await client.get(f"{SITE}/readyz")
    assert (answer.status_code, answer.json()["status"]) == (200, "success")


async def test_not_ready_says_why(deployment):
    deployment.reasons = ["not connected to NATS"]
    deployment.store_fault = StoreUnavailable("mongodb://secret@host")
    async with client_of(deployment, free_bytes=lambda _folder: 0) as client:
        answer = await client.get(f"{SITE}/readyz")
    assert (answer.status_code, answer.json()["error_type"]) == (503, "unavailable")
    assert answer.json()["details"] == [
        "not connected to NATS",
        "the store does not answer",
        "too little disk space is left",
    ]


async def test_metrics_count_by_route_and_never_by_what_clients_make_up(client):
    await client.post("/jobs", json=job_body(job_id="secret"))
    await client.get("/jobs/secret")
    await client.get("/nothing/secret")
    await client.request("SECRET", "/jobs")
    text = (await client.get(f"{SITE}/metrics")).text
    counted = 'eventjob_http_requests_total{method="%s",route="%s",status="%d"} 1.0'
    assert counted % ("POST", f"{BASE_PATH}/jobs", 201) in text
    assert counted % ("GET", f"{BASE_PATH}/jobs/{{job_id}}", 200) in text
    assert counted % ("GET", "unmatched", 404) in text
    assert 'method="other"' in text
    assert "secret" not in text.lower()


async def test_what_is_parked_is_said_and_counted_and_is_no_reason_not_to_be_ready(deployment):
    deployment.parked_messages = 3
    async with client_of(deployment) as client:
        answer = await client.get(f"{SITE}/readyz")
        assert (answer.status_code, answer.json()["message"]) == (
            200,
            "ready; 3 messages are parked, see `eventjob parked`",
        )
        assert "eventjob_parked_messages 3.0" in (await client.get(f"{SITE}/metrics")).text
        deployment.bus_fault = Unavailable("NATS is away")
        assert (await client.get(f"{SITE}/readyz")).json()["message"] == "ready"
        assert "eventjob_parked_messages 3.0" in (await client.get(f"{SITE}/metrics")).text


async def test_two_apps_count_apart():
    for _ in range(2):
        async with client_of(Deployment()) as client:
            await client.get("/jobs")
            text = (await client.get(f"{SITE}/metrics")).text
            assert f'route="{BASE_PATH}/jobs",status="200"}} 1.0' in text


async def test_every_operation_is_documented(document):
    found = {(method, path) for path, methods in document["paths"].items() for method in methods}
    assert found == {(o.method.lower(), o.path.replace(":path", "")) for o in OPERATIONS}
    ids = [o["operationId"] for methods in document["paths"].values() for o in methods.values()]
    assert len(ids) == len(set(ids))


async def test_a_key_is_documented_where_it_means_something(document):
    assert document["security"] == [{}, {"key": []}]
    assert document["components"]["securitySchemes"]["key"]["scheme"] == "bearer"
    for path, methods in document["paths"].items():
        for operation in methods.values():
            is_open = path in {"/healthz", "/readyz"}
            assert operation.get("security") == ([] if is_open else None)
            refused = {"401", "429"} & set(operation["responses"])
            assert refused == (set() if is_open else {"401", "429"})


async def test_every_reference_leads_somewhere(document):
    names = re.findall(r"'\$ref': '#/components/schemas/([^']+)'", str(document))
    assert names
    assert set(names) <= set(document["components"]["schemas"])


async def test_every_json_body_and_answer_has_an_example(document):
    for path, methods in document["paths"].items():
        for operation in methods.values():
            bodies = [operation.get("requestBody"), *operation["responses"].values()]
            for body in bodies:
                content = (body or {}).get("content", {}).get("application/json")
                if content and path.startswith(BASE_PATH):
                    assert content["example"]


async def test_an_example_can_be_sent(client, document):
    for path in ("/jobs", "/batches"):
        operation = document["paths"][f"{BASE_PATH}{path}"]["post"]
        example = operation["requestBody"]["content"]["application/json"]["example"]
        assert (await client.post(path, json=example)).status_code == 201


async def test_answers_are_as_documented(client, document, deployment):
    """The fields of real answers are those of their schemas, and no required one is missing."""
    await client.post("/jobs", json=job_body(job_id="j"))
    await deployment.complete("j")
    job = (await client.get("/jobs/j")).json()["job"]
    schema = document["components"]["schemas"]["JobView"]
    assert set(job) <= set(schema["properties"])
    assert set(schema["required"]) <= set(job)
    results = document["components"]["schemas"]["Results"]
    assert set(job["results"]) == set(results["properties"])


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


async def test_nothing_of_this_lies_below_the_base_path(client):
    for path in ("/healthz", "/readyz", "/metrics", "/openapi.json", "/docs"):
        assert (await client.get(path)).status_code == 404


async def test_metrics_tell_of_jobs_and_projection_and_do_without_the_store(client, deployment):
    await client.post("/jobs", json=job_body())
    text = (await client.get(f"{SITE}/metrics")).text
    assert 'eventjob_jobs{status="pending"} 1.0' in text
    assert "eventjob_projection_sequence" in text
    deployment.store_fault = StoreUnavailable("away")
    assert (await client.get(f"{SITE}/metrics")).status_code == 200
