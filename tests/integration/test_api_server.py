"""The real server on a real socket: what no client library would send, room, start and stop."""

import asyncio
import json
import socket
from contextlib import AsyncExitStack

import pytest
from fakes_api import Deployment, job_body, parameters
from raw_http import JSON
from serving import (
    BASE,
    DEADLINE_S,
    exchange,
    post,
    read_answer,
    request,
    serving,
    statuses,
)

from eventjob.runtime.lifecycle import CannotStart
from services.api.request.read_body import MAX_LARGEST_BODIES, decode_body
from services.api.response.errors import Problem
from services.api.server import protocol
from services.api.server.server import listen

GET = request("GET", "/healthz")
LIST = request("GET", f"{BASE}/jobs")
GET_JOB = request("GET", f"{BASE}/jobs/x")
LARGEST, SMALLER = 32 * 1024 * 1024, 1024 * 1024
PROSE = "We look at ten years of it, from the first day: what broke, who came, and why. " * 12


async def test_a_server_says_where_it_listens_and_head_has_no_body():
    async with serving() as (port, log, _stop):
        head, get = await exchange(port, request("HEAD", f"{BASE}/jobs"), GET)
        assert (head[0], get[0]) == (200, 200)
        assert int(head[1]["content-length"]) > 0
        assert "server" not in get[1]
        assert ("info", "api.listening", {"host": "127.0.0.1", "port": port}) in log.lines


async def test_no_answer_waits_for_an_ack():
    with listen("127.0.0.1", 0) as listener:
        _reader, writer = await asyncio.open_connection(*listener.getsockname())
        accepted, _address = listener.accept()
        with accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        writer.close()
        await writer.wait_closed()


async def test_where_it_cannot_listen_it_says_so():
    with listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(CannotStart, match=f"EVENTJOB_PORT {port}"):
            listen("127.0.0.1", port)
    with pytest.raises(CannotStart, match=r"EVENTJOB_HOST 192\.0\.2\.1"):
        listen("192.0.2.1", 0)


async def test_a_body_too_large_is_refused_and_the_connection_goes_on():
    chunked = b"".join(b"400\r\n" + b" " * 1024 + b"\r\n" for _ in range(200)) + b"0\r\n\r\n"
    endless = request("POST", f"{BASE}/jobs", JSON, "Transfer-Encoding: chunked", body=chunked)
    waiting = ("Content-Length: 99999999", "Expect: 100-continue")  # need not be sent at all
    async with serving(max_body_bytes=4096) as (port, _log, _stop):
        answers = await exchange(port, endless, GET, post("/jobs", b" " * 90000), GET)
        expecting = request("POST", f"{BASE}/jobs", JSON, *waiting)
        assert await statuses(port, expecting) == [413]
    assert [status for status, _headers, _body in answers] == [413, 200, 413, 200]
    assert json.loads(answers[0][2])["error_type"] == "payload_too_large"


async def test_no_path_leads_out():
    deployment = Deployment()
    async with serving(deployment) as (port, _log, _stop):
        assert await statuses(port, post("/jobs", job_body(job_id="j"))) == [201]
        await deployment.complete("j")
        assert await statuses(port, request("GET", f"{BASE}/files/j/Ev/Tr/s.md")) == [200]
        for path in (
            "j/Ev/../Ev/Tr/s.md",
            "../files/j/Ev/Tr/s.md",
            "../../../../etc/passwd",
            "j/..%2f..%2fetc%2fpasswd",
            "j/%ff%fe",
            "%2e%2e/%2e%2e/etc/passwd",
        ):
            ((status, _, body),) = await exchange(port, request("GET", f"{BASE}/files/{path}"))
            assert (status, json.loads(body)["error_type"]) == (404, "not_found"), path


async def test_what_is_no_request_gets_an_answer_in_the_one_shape():
    async with serving() as (port, _log, _stop):
        for sent in (
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",  # TLS
            b"hello\r\n\r\n",
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            request("GET", "/" + "x" * 70_000),
            request("GET", "/healthz", "X: a\x01b"),
            request("GET", "/healthz", "X: " + "x" * 1_000_000),
            request("GET", "/healthz", *(f"X-{n}: y" for n in range(100_000))),
        ):
            ((status, headers, body),) = await exchange(port, sent)
            assert (status, headers["content-type"]) == (400, "application/json"), sent[:80]
            assert json.loads(body)["error_type"] == "validation_error"
            assert await statuses(port, GET) == [200]
        long = post("/jobs", {**job_body(), "ignored": "x" * 500_000})  # a body is no head
        assert await statuses(port, long, GET) == [201, 200]


async def test_a_client_that_hangs_up_in_the_middle_of_its_body_harms_nobody():
    async with serving() as (port, _log, _stop):
        _reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request("POST", f"{BASE}/jobs", JSON, "Content-Length: 100", body=b"{"))
        await writer.drain()
        writer.transport.abort()
        assert await statuses(port, GET) == [200]


HALF_A_BODY = request("POST", f"{BASE}/jobs", JSON, "Content-Length: 9", body=b"{")


async def test_a_client_that_says_no_more_is_hung_up_on(monkeypatch):
    monkeypatch.setattr(protocol, "READ_TIMEOUT_S", 0.1)
    async with serving() as (port, _log, _stop), asyncio.timeout(DEADLINE_S):
        for sent in (b"", GET[:-2], GET + GET[:-2], HALF_A_BODY):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(sent)
            assert (await reader.read()).count(b" 200 OK") == sent.count(GET)
            writer.close()
            await writer.wait_closed()


class Slow(Deployment):
    """Its store answers when it may."""

    def __init__(self):
        super().__init__()
        self.entered, self.release = asyncio.Event(), asyncio.Event()

    async def job(self, job_id):
        self.entered.set()
        await self.release.wait()
        return await super().job(job_id)


async def test_a_client_that_waits_for_a_slow_answer_is_not(monkeypatch):
    monkeypatch.setattr(protocol, "READ_TIMEOUT_S", 0.01)
    slow = Slow()
    asyncio.get_running_loop().call_later(0.1, slow.release.set)  # ten times the patience
    async with serving(slow) as (port, _log, _stop):
        assert await statuses(port, GET_JOB) == [404]


async def test_what_is_being_answered_at_the_stop_is_answered():
    slow = Slow()
    async with serving(slow) as (port, _log, stop):
        asking = asyncio.create_task(statuses(port, GET_JOB))
        await asyncio.wait_for(slow.entered.wait(), DEADLINE_S)
        stop.set()
        slow.release.set()
        assert await asking == [404]


def test_the_largest_batch_of_long_texts_has_room():
    given = parameters(speakers=["A. Name", "B. Name"], day="Saturday", abstract=PROSE, room="J")
    body = json.dumps({"jobs": [job_body(parameters=given, job_name="n")] * 20_000}).encode()
    assert 0.7 * LARGEST < len(body) < LARGEST
    assert len(decode_body(body, LARGEST)["jobs"]) == 20_000
    with pytest.raises(Problem, match=r"about [0-9]+ MB of memory; the limit is 192 MB") as refused:
        decode_body(b"[" + b"[]," * (LARGEST // 6) + b"[]]", LARGEST)
    assert refused.value.code == "payload_too_large"


async def test_large_bodies_have_room_together_and_leave_it():
    begun = post("/jobs", b" " * SMALLER)[:-1]  # its last byte is missing
    async with (
        serving(max_body_bytes=SMALLER) as (port, _log, _stop),
        asyncio.timeout(DEADLINE_S),
    ):
        async with AsyncExitStack() as slow:
            answers = []
            for _ in range(MAX_LARGEST_BODIES + 1):
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                slow.callback(lambda writer=writer: writer.transport.abort())
                writer.write(begun)
                answers.append(asyncio.create_task(read_answer(reader)))
                slow.callback(answers[-1].cancel)
            refused, others = await asyncio.wait(answers, return_when=asyncio.FIRST_COMPLETED)
            assert (len(refused), len(others)) == (1, MAX_LARGEST_BODIES)
            status, headers, body = refused.pop().result()
            assert (status, json.loads(body)["error_type"]) == (503, "unavailable")
            assert int(headers["retry-after"]) >= 1
            assert await statuses(port, LIST, post("/jobs", job_body())) == [200, 201]
        again = post("/jobs", job_body(ignored="x" * (SMALLER - 1000)))
        while await statuses(port, again) == [503]:  # until it has seen that they are gone
            await asyncio.sleep(0.01)
        assert await statuses(port, again) == [201]
