"""The real server on a real socket: what no client library would send, start and stop."""

import asyncio
import json
import socket

import pytest
from fakes_api import Deployment, job_body
from serving import BASE, DEADLINE_S, exchange, request, serving

from eventjob.runtime.lifecycle import CannotStart
from services.api.server import protocol
from services.api.server.server import listen

GET = request("GET", "/healthz")
JSON = "Content-Type: application/json"


async def test_a_server_says_where_it_listens_and_stops():
    async with serving(Deployment()) as (port, log, _stop):
        ((status, headers, _body),) = await exchange(port, GET)
        assert status == 200
        assert "server" not in headers
        assert ("info", "api.listening", {"host": "127.0.0.1", "port": port}) in log.lines


async def test_no_answer_waits_for_an_ack():
    with listen("127.0.0.1", 0) as listener:
        _reader, writer = await asyncio.open_connection(*listener.getsockname())
        accepted, _address = listener.accept()
        with accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        writer.close()
        await writer.wait_closed()


async def test_a_port_that_is_taken_is_named():
    with listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(CannotStart, match=f"EVENTJOB_PORT {port}"):
            listen("127.0.0.1", port)


async def test_a_host_of_another_machine_is_named():
    with pytest.raises(CannotStart, match=r"EVENTJOB_HOST 192\.0\.2\.1"):
        listen("192.0.2.1", 0)


async def test_a_body_too_large_is_refused_and_the_connection_goes_on():
    chunked = b"".join(b"400\r\n" + b" " * 1024 + b"\r\n" for _ in range(200)) + b"0\r\n\r\n"
    typed = "Content-Type: application/json"
    endless = request("POST", f"{BASE}/jobs", typed, "Transfer-Encoding: chunked", body=chunked)
    announced = request("POST", f"{BASE}/jobs", typed, "Content-Length: 90000", body=b" " * 90000)
    async with serving(Deployment(), max_body_bytes=4096) as (port, _log, _stop):
        answers = await exchange(port, endless, GET, announced, GET)
    assert [status for status, _headers, _body in answers] == [413, 200, 413, 200]
    assert json.loads(answers[0][2])["error_type"] == "payload_too_large"


async def test_a_body_too_large_need_not_be_sent_at_all():
    expecting = request(
        "POST",
        f"{BASE}/jobs",
        "Content-Type: application/json",
        "Content-Length: 99999999",
        "Expect: 100-continue",
    )
    async with serving(Deployment(), max_body_bytes=4096) as (port, _log, _stop):
        ((status, _headers, _body),) = await exchange(port, expecting)
    assert status == 413


@pytest.mark.parametrize(
    "path",
    [
        "j/Ev/../Ev/Tr/s.md",
        "../files/j/Ev/Tr/s.md",
        "../../../../etc/passwd",
        "j/..%2f..%2fetc%2fpasswd",
        "j/%ff%fe",
        "%2e%2e/%2e%2e/etc/passwd",
    ],
)
async def test_no_path_leads_out(path):
    deployment = Deployment()
    async with serving(deployment) as (port, _log, _stop):
        body = json.dumps(job_body(job_id="j")).encode()
        sized = f"Content-Length: {len(body)}"
        post = request("POST", f"{BASE}/jobs", "Content-Type: application/json", sized, body=body)
        ((created, _headers, _body),) = await exchange(port, post)
        assert created == 201
        await deployment.complete("j")
        fine, bad = await exchange(
            port,
            request("GET", f"{BASE}/files/j/Ev/Tr/s.md"),
            request("GET", f"{BASE}/files/{path}"),
        )
    assert (fine[0], bad[0]) == (200, 404)
    assert json.loads(bad[2])["error_type"] == "not_found"


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", id="TLS"),
        pytest.param(b"hello\r\n\r\n", id="text"),
        pytest.param(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", id="HTTP/2"),
        pytest.param(request("GET", "/" + "x" * 70_000), id="a long path"),
        pytest.param(request("GET", "/healthz", "X: a\x01b"), id="a control character"),
        pytest.param(request("GET", "/healthz", "X: " + "x" * 1_000_000), id="a long header"),
        pytest.param(
            request("GET", "/healthz", *(f"X-{n}: y" for n in range(100_000))), id="many headers"
        ),
    ],
)
async def test_what_is_no_request_gets_an_answer_in_the_one_shape(sent):
    async with serving(Deployment()) as (port, _log, _stop):
        ((status, headers, body),) = await exchange(port, sent)
        ((after, _headers, _body),) = await exchange(port, GET)
    assert after == 200
    assert (status, headers["content-type"]) == (400, "application/json")
    assert json.loads(body)["error_type"] == "validation_error"


async def test_a_long_body_is_no_long_head():
    body = json.dumps({**job_body(), "ignored": "x" * 500_000}).encode()
    sized = ("Content-Type: application/json", f"Content-Length: {len(body)}")
    async with serving(Deployment()) as (port, _log, _stop):
        answers = await exchange(port, request("POST", f"{BASE}/jobs", *sized, body=body), GET)
    assert [status for status, _headers, _body in answers] == [201, 200]


async def test_head_has_no_body_on_the_wire():
    async with serving(Deployment()) as (port, _log, _stop):
        head, get = await exchange(port, request("HEAD", f"{BASE}/jobs"), GET)
    assert (head[0], get[0]) == (200, 200)
    assert int(head[1]["content-length"]) > 0


async def test_a_client_that_hangs_up_in_the_middle_of_its_body_harms_nobody():
    cut = request(
        "POST", f"{BASE}/jobs", "Content-Type: application/json", "Content-Length: 100", body=b"{"
    )
    async with serving(Deployment()) as (port, _log, _stop):
        _reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(cut)
        await writer.drain()
        writer.transport.abort()
        ((status, _headers, _body),) = await exchange(port, GET)
    assert status == 200


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(GET[:-2], id="half a head"),
        pytest.param(GET + GET[:-2], id="half a second head"),
        pytest.param(
            request("POST", f"{BASE}/jobs", JSON, "Content-Length: 9", body=b"{"), id="half a body"
        ),
    ],
)
async def test_a_client_that_says_no_more_is_hung_up_on(monkeypatch, sent):
    monkeypatch.setattr(protocol, "READ_TIMEOUT_S", 0.1)
    async with serving(Deployment()) as (port, _log, _stop), asyncio.timeout(DEADLINE_S):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(sent)
        assert (await reader.read()).count(b" 200 OK") == sent.count(GET)
        writer.close()
        await writer.wait_closed()


async def test_a_client_that_waits_for_a_slow_answer_is_not(monkeypatch):
    monkeypatch.setattr(protocol, "READ_TIMEOUT_S", 0.01)

    class Slow(Deployment):
        async def job(self, job_id):
            await asyncio.sleep(0.1)  # ten times the patience
            return await super().job(job_id)

    async with serving(Slow()) as (port, _log, _stop):
        ((status, _headers, _body),) = await exchange(port, request("GET", f"{BASE}/jobs/x"))
    assert status == 404


async def test_what_is_being_answered_at_the_stop_is_answered():
    entered, release = asyncio.Event(), asyncio.Event()

    class Slow(Deployment):
        async def job(self, job_id):
            entered.set()
            await release.wait()
            return await super().job(job_id)

    async with serving(Slow()) as (port, _log, stop):
        asking = asyncio.create_task(exchange(port, request("GET", f"{BASE}/jobs/x")))
        await asyncio.wait_for(entered.wait(), DEADLINE_S)
        stop.set()
        release.set()
        ((status, _headers, _body),) = await asking
    assert status == 404
