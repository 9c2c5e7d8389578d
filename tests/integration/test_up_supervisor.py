"""The supervisor, with small programs in place of the services."""

import asyncio
import json
import os
import signal
import sys

import pytest
from children import FORKS, HAS_A_PARENT, IS_DEAF, WITHIN_S, open_home

from eventjob.runtime import die_with_parent
from eventjob.runtime.lifecycle import Stop
from eventjob.runtime.logs import get_logger
from services.up import supervisor as supervising
from services.up.supervisor import Program, Supervisor


@pytest.fixture
async def home(tmp_path):
    async with open_home(tmp_path) as home:
        yield home


@pytest.fixture
async def supervisor():
    supervisor = Supervisor(Stop(), get_logger("up"))
    yield supervisor
    if supervisor._children and not supervisor._keepers[0].done():
        await supervisor.stop()


async def test_what_dies_is_started_again(home, supervisor):
    supervisor.start([home.program("api")])
    _, first = await home.start()
    os.kill(first, signal.SIGKILL)
    name, second = await home.start()
    assert (name, await home.end()) == ("api", "api")
    assert first != second


async def test_a_program_that_refuses_its_settings_stops_all(home, supervisor):
    supervisor.start([home.program("api"), home.program("archiver", "raise SystemExit(2)")])
    await asyncio.wait_for(supervisor._stop.wait(), WITHIN_S)
    assert str(supervisor.failure) == "archiver refused to start"
    assert supervisor.failure.exit_code == 2


async def test_a_program_that_never_stays_up_stops_all(supervisor):
    missing = Program(name="api", command=("/nowhere/eventjob",), environ={}, stop_order=0)
    supervisor.start([missing])
    await asyncio.wait_for(supervisor._stop.wait(), WITHIN_S)
    assert str(supervisor.failure) == "api ended 5 times, last with 127"
    assert supervisor.failure.exit_code == 1


async def test_once_all_was_well_a_program_is_started_for_ever(home, supervisor, monkeypatch):
    monkeypatch.setattr(supervising, "MAX_PAUSE_S", 0.01)
    supervisor.is_settled = True
    supervisor.start([home.program("api")])
    for _ in range(supervising.MAX_EARLY_ENDS + 2):
        _, pid = await home.start()
        os.kill(pid, signal.SIGKILL)
    await home.start()
    assert supervisor.failure is None


async def test_all_are_stopped_in_order(home, supervisor):
    order = {"nats-server": 2, "api": 0, "scheduler": 1, "projector": 1}
    supervisor.start([home.program(name, stop_order=place) for name, place in order.items()])
    await home.starts(4)
    await supervisor.stop()
    ends = [await home.end() for _ in order]
    assert [order[name] for name in ends] == [0, 1, 1, 2]


async def test_what_does_not_hear_is_killed(home, supervisor, monkeypatch):
    monkeypatch.setattr(supervising, "GRACE_S", 0.1)
    supervisor.start([home.program("processor", IS_DEAF)])
    await home.start()
    await supervisor.stop()
    assert await home.end() == "processor"


async def test_what_a_program_has_started_ends_with_it(home, supervisor):
    supervisor.start([home.program("processor", FORKS)])
    pids = {(await home.start())[1], (await home.start())[1]}
    [leader] = pids & {child._process.pid for child in supervisor._children}
    os.kill(leader, signal.SIGKILL)
    assert [await home.end(), await home.end()] == ["processor"] * 2


async def test_nothing_is_started_once_all_is_to_stop(supervisor):
    supervisor._stop.set()
    supervisor.start([Program(name="api", command=("/nowhere",), environ={}, stop_order=0)])
    assert supervisor._children == []


SUPERVISES = """
import asyncio, json, os, sys
from eventjob.runtime.logs import get_logger
from services.up.supervisor import Program, Supervisor
async def main():
    supervisor = Supervisor(asyncio.Event(), get_logger("up"))
    for name, *command in json.loads(sys.argv[1]):
        command = [str(os.getpid()) if part == "PARENT" else part for part in command]
        supervisor.start([Program(name=name, command=tuple(command), environ={}, stop_order=0)])
    await asyncio.Event().wait()
asyncio.run(main())
"""


async def test_no_child_outlives_a_supervisor_that_is_killed(home):
    service = home.program("service", HAS_A_PARENT).command
    shim = (sys.executable, "-I", "-S", die_with_parent.__file__, "PARENT")
    server = shim + home.program("server", IS_DEAF).command
    programs = json.dumps([("service", *service), ("server", *server)])
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", SUPERVISES, programs)
    await home.starts(2)
    process.kill()
    await process.wait()
    assert {await home.end(), await home.end()} == {"service", "server"}


async def test_a_program_whose_parent_was_gone_before_it_began_does_not_begin(home):
    command = home.program("server").command
    gone = (sys.executable, "-I", "-S", die_with_parent.__file__, "1")
    process = await asyncio.create_subprocess_exec(*gone, *command)
    assert await asyncio.wait_for(process.wait(), WITHIN_S) == 1
