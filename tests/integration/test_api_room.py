"""Large bodies: what they may hold, how many of them there may be, and that room comes back."""

import asyncio
import json
from contextlib import AsyncExitStack

import pytest
from fakes_api import Deployment, job_body, parameters
from serving import BASE, DEADLINE_S, exchange, read_answer, request, serving

from services.api.request.read_body import MAX_LARGEST_BODIES, decode_body
from services.api.response.errors import Problem

LARGEST = 32 * 1024 * 1024
SMALLER = 1024 * 1024
JSON = "Content-Type: application/json"
PROSE = "We look at ten years of it, from the first day: what broke, who came, and why. " * 12
GET = request("GET", f"{BASE}/jobs")


def test_the_largest_batch_of_long_texts_has_room():
    given = parameters(speakers=["A. Name", "B. Name"], day="Saturday", abstract=PROSE, room="J")
    body = json.dumps({"jobs": [job_body(parameters=given, job_name="n")] * 20_000}).encode()
    assert 0.7 * LARGEST < len(body) < LARGEST
    assert len(decode_body(body, LARGEST)["jobs"]) == 20_000


def test_what_holds_too_much_says_what_was_expected():
    with pytest.raises(Problem, match=r"about [0-9]+ MB of memory; the limit is 192 MB") as refused:
        decode_body(b"[" + b"[]," * (LARGEST // 6) + b"[]]", LARGEST)
    assert refused.value.code == "payload_too_large"


def begun(size):
    """A request whose last byte is missing."""
    return request("POST", f"{BASE}/jobs", JSON, f"Content-Length: {size}", body=b" " * (size - 1))


async def test_large_bodies_have_room_together_and_leave_it():
    small = json.dumps(job_body()).encode()
    sized = f"Content-Length: {len(small)}"
    post = request("POST", f"{BASE}/jobs", JSON, sized, body=small)
    async with (
        serving(Deployment(), max_body_bytes=SMALLER) as (port, _log, _stop),
        asyncio.timeout(DEADLINE_S),
    ):
        async with AsyncExitStack() as slow:
            answers = []
            for _ in range(MAX_LARGEST_BODIES + 1):
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                slow.callback(lambda writer=writer: writer.transport.abort())
                writer.write(begun(SMALLER))
                answers.append(asyncio.create_task(read_answer(reader)))
                slow.callback(answers[-1].cancel)
            refused, others = await asyncio.wait(answers, return_when=asyncio.FIRST_COMPLETED)
            assert (len(refused), len(others)) == (1, MAX_LARGEST_BODIES)
            status, headers, body = refused.pop().result()
            assert (status, json.loads(body)["error_type"]) == (503, "unavailable")
            assert int(headers["retry-after"]) >= 1
            assert [answer[0] for answer in await exchange(port, GET, post)] == [200, 201]
        large = json.dumps(job_body(ignored="x" * (SMALLER - 1000))).encode()
        again = request("POST", f"{BASE}/jobs", JSON, f"Content-Length: {len(large)}", body=large)
        while (await exchange(port, again))[0][0] == 503:  # until it has seen that they are gone
            await asyncio.sleep(0.01)
        assert (await exchange(port, again))[0][0] == 201
