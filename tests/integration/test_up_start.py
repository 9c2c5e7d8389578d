"""What `up` looks at before it starts anything: its folder, its address, and when it is ready."""

import asyncio
import os
import re
import socket
from contextlib import asynccontextmanager

import pytest

from eventjob.runtime.lifecycle import CannotStart
from services.up.address import NO_ANSWER, Address, find_free_address
from services.up.data_folder import FORMAT, lock_folder


def test_a_folder_is_made_for_its_owner_only(tmp_path):
    folder = tmp_path / "deep" / "data"
    with lock_folder(folder):
        assert folder.stat().st_mode & 0o777 == 0o700
        assert (folder / "version").read_text() == f"{FORMAT}\n"


def test_a_folder_belongs_to_one_at_a_time(tmp_path):
    taken = re.escape(f"data folder {tmp_path} is used by another eventjob (pid {os.getpid()})")
    with lock_folder(tmp_path), pytest.raises(CannotStart, match=taken), lock_folder(tmp_path):
        pass
    with lock_folder(tmp_path):
        pass


def test_a_folder_of_a_newer_version_is_left_alone(tmp_path):
    (tmp_path / "version").write_text(f"{FORMAT + 1}\n")
    with pytest.raises(CannotStart, match="written by a newer eventjob"), lock_folder(tmp_path):
        pass
    assert (tmp_path / "version").read_text() == f"{FORMAT + 1}\n"


@pytest.mark.parametrize("written", ["", "one", "-1"])
def test_a_version_that_is_none_is_not_guessed(tmp_path, written):
    (tmp_path / "version").write_text(written)
    with pytest.raises(CannotStart, match="number of a data format"), lock_folder(tmp_path):
        pass


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "data").write_text("a file")
    refused = pytest.raises(CannotStart, match=r"data cannot be used: File exists")
    with refused, lock_folder(tmp_path / "data"):
        pass


def test_a_port_that_is_taken_is_named():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(CannotStart, match=rf"127\.0\.0\.1, port {port}: .*already in use"):
            find_free_address("127.0.0.1", port)


def test_a_host_that_is_not_ours_is_named():
    with pytest.raises(CannotStart, match=r"EVENTJOB_HOST .* 192\.0\.2\.1, port 5000: "):
        find_free_address("192.0.2.1", 5000)


def test_for_port_0_one_is_chosen():
    assert find_free_address("127.0.0.1", 0).port > 0


@pytest.mark.parametrize(
    ("address", "url"),
    [
        (Address("127.0.0.1", 5000), "http://127.0.0.1:5000/api/event-job"),
        (Address("::1", 5000), "http://[::1]:5000/api/event-job"),
    ],
)
def test_the_address_is_one_to_click_on(address, url):
    assert address.url == url


@asynccontextmanager
async def answering(status: bytes, body: bytes = b""):
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = await reader.readuntil(b"\r\n\r\n")
        if asked.startswith(b"GET /readyz HTTP/1.1\r\n"):
            writer.write(b"HTTP/1.1 " + status + b"\r\nConnection: close\r\n\r\n" + body)
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        yield Address("127.0.0.1", server.sockets[0].getsockname()[1])


@pytest.mark.parametrize(("status", "ready"), [(b"200 OK", True), (b"503 Unavailable", False)])
async def test_ready_is_what_the_api_says(status, ready):
    async with answering(status) as address:
        assert await address.is_ready() == ready


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b'{"status":"error","message":"the disk is full"}', "the disk is full"),
        (b"", NO_ANSWER),
        (b"<h1>Bad gateway</h1>", NO_ANSWER),
        (b'{"message":1}', NO_ANSWER),
    ],
)
async def test_why_it_is_not_ready_is_what_the_api_says(body, reason):
    async with answering(b"503 Unavailable", body) as address:
        assert await address.find_problem() == reason


async def test_an_api_that_is_not_there_is_not_ready():
    address = find_free_address("127.0.0.1", 0)
    assert not await address.is_ready()
    assert await address.find_problem() == NO_ANSWER
