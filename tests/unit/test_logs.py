"""Log lines, read as they arrive on the other side of stderr."""

import json
import os
import re
import subprocess
import sys

import pytest

SCRIPT = """
import logging, threading, warnings
from datetime import datetime, UTC
from eventjob.runtime.logs import get_logger, set_up_logs
set_up_logs("api", "info")
log = get_logger("scheduler")
log.debug("too.detailed")
log.info("command.decided", job_id="j1", events=1, at=datetime(2030, 1, 1, tzinfo=UTC))
log.info("field.names", event="x", ts="x", level="x", name="n", msg="m", args="a")
log.info("url.shown", url="see nats://me:hush@host:4222 and https://host/a@b")
log.info("body.shown", body="x" * 100_000, many=["x" * 1000] * 100)
log.info("odd.values", one={("a", 1): 2, "b": {3}}, lone="\\udc80 \\u2028 ü")
itself = []; itself.append(itself)
log.info("value.loops", value=itself)
try:
    raise KeyError("a\\nb")
except KeyError:
    log.exception("job.broke", job_id="j2")
logging.getLogger("services.api.errors").warning("api.unavailable", extra={"reason": "gone"})
logging.getLogger("nats.aio").debug("a body")
logging.getLogger("uvicorn.error").info("Started %d", 7, extra={"color_message": "no"})
logging.getLogger("library").error("%d %s", "not a number")
warnings.warn("careful")
thread = threading.Thread(target=lambda: 1 / 0); thread.start(); thread.join()
raise RuntimeError("the end")
"""


def lines_of(script: str) -> list[dict[str, object]]:
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=False)
    return [json.loads(line) for line in done.stderr.splitlines()]


@pytest.fixture(scope="module")
def lines():
    return lines_of(SCRIPT)


@pytest.fixture
def line(lines):
    return lambda event: next(line for line in lines if line["event"] == event)


def test_a_line_says_when_how_grave_what_and_whose(lines):
    first = lines[0]
    assert list(first) == ["ts", "level", "event", "service", "job_id", "events", "at"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", first.pop("ts"))
    assert first == {
        "level": "info",
        "event": "command.decided",
        "service": "scheduler",
        "job_id": "j1",
        "events": 1,
        "at": "2030-01-01 00:00:00+00:00",
    }


def test_fields_may_have_any_name_but_do_not_hide_the_first_three(line):
    said = line("field.names")
    assert (said["level"], said["name"], said["msg"], said["args"]) == ("info", "n", "m", "a")


def test_credentials_are_left_out(line):
    assert line("url.shown")["url"] == "see nats://***@host:4222 and https://host/a@b"


def test_nothing_long_is_written(line):
    said = line("body.shown")
    assert len(said["body"]) == len(said["many"]) == 2001


def test_odd_values_are_written_as_well_as_can_be(line):
    assert line("odd.values")["one"] == {"b": "{3}"}
    assert line("odd.values")["lone"] == "\udc80 \u2028 ü"
    assert line("value.loops")["value"] == "[[...]]"


def test_an_exception_is_two_fields_of_one_line(line):
    said = line("job.broke")
    assert (said["level"], said["job_id"]) == ("error", "j2")
    assert said["error"] == "KeyError('a\\nb')"
    assert said["traceback"].startswith("Traceback (most recent call last):\n")


def test_the_standard_librarys_way_comes_out_the_same(line):
    said = line("api.unavailable")
    assert (said["service"], said["level"], said["reason"]) == ("api", "warning", "gone")


def test_a_librarys_text_is_a_message(line):
    said = line("uvicorn.error")
    assert list(said)[1:] == ["level", "event", "service", "message"]
    assert said["message"] == "Started 7"
    assert line("library")["message"] == "%d %s ('not a number',)"


def test_the_level_is_honoured_and_libraries_never_go_into_detail(lines):
    events = {line["event"] for line in lines}
    assert "too.detailed" not in events
    assert "nats.aio" not in events
    debug = SCRIPT.replace('"api", "info"', '"api", "debug"')
    events = {line["event"] for line in lines_of(debug)}
    assert "too.detailed" in events
    assert "nats.aio" not in events


def test_warnings_threads_and_the_last_exception_are_lines_too(lines):
    assert "careful" in next(line for line in lines if line["event"] == "py.warnings")["message"]
    broke = [line["error"] for line in lines if line["event"] == "process.broke"]
    assert broke == ["ZeroDivisionError('division by zero')", "RuntimeError('the end')"]


def test_a_reader_that_is_gone_stops_nobody():
    read_end, write_end = os.pipe()
    os.close(read_end)
    script = SCRIPT.replace('raise RuntimeError("the end")', 'print("worked on")')
    try:
        done = subprocess.run(
            [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=write_end, check=True
        )
    finally:
        os.close(write_end)
    assert done.stdout == b"worked on\n"
