"""What `eventjob up` says of itself, as a process: once, and in one line."""

import os
import re
import signal
import socket
import sys

import pytest
from deployment import EVENTJOB, Up, eventually, ran
from process_tree import SERVICES, processes

from services.up.data_folder import lock_folder


def test_what_is_taken_is_said_once(tmp_path):
    up = Up(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        code, out, said = ran(up.environ | {"EVENTJOB_PORT": f"{port}"}, "up")
    assert (code, out) == (1, "")
    assert said.endswith(f"cannot listen at 127.0.0.1, port {port}: Address already in use\n")
    assert said.count("\n") == 1
    up.environ["EVENTJOB_PORT"] = "0"
    with lock_folder(tmp_path):
        taken = ran(up.environ | {"EVENTJOB_DATA_DIR": f"{tmp_path}"}, "up")
    folder = f"data folder {tmp_path} is used by another eventjob (pid {os.getpid()})"
    assert taken == (1, "", f"eventjob up: {folder}\n")


@pytest.mark.skipif(sys.platform != "linux", reason="reads command lines from /proc")
def test_each_service_is_a_process_that_says_its_name_and_the_port_is_told(tmp_path):
    up = Up(tmp_path)
    up.environ["EVENTJOB_PORT"] = "0"
    up.launch()
    try:
        assert up.process.stdout.readline().startswith(b"starting eventjob, ")
        line = up.process.stdout.readline().decode()
        found = re.fullmatch(
            r"eventjob is ready at http://127\.0\.0\.1:(\d+)/api/event-job \(data in (/.+)\)\n",
            line,
        )
        assert found, (line, up.log())
        assert found[2] == str(up.data)
        up.root = f"http://127.0.0.1:{found[1]}"
        assert up.is_ready()
        below = [command for _, parent, command in processes() if parent == up.process.pid]
        assert {command[2] for command in below if command[1:2] == [EVENTJOB]} == set(SERVICES)
        (pid,) = up.children()["nats-server"]
        os.kill(pid, signal.SIGKILL)  # what is killed is there again, and all is ready
        eventually("another", 30, lambda: up.children().get("nats-server", [pid]) != [pid])
        eventually("readiness", 60, up.is_ready)
        up.process.terminate()
        assert up.process.wait(10) == 0
        assert up.process.stdout.read() == b""
    finally:
        up.stop()
