"""`eventjob parked` on a deployment: what broke is seen, and tried again once the cause is gone."""

import asyncio
import hashlib
import json
import re

import msgspec
from deployment import eventually, session

from eventjob.bus import subjects
from eventjob.bus.streams.permissions import PROVISION
from eventjob.bus.wire.connection import connect
from eventjob.bus.wire.publish import Outgoing, publish
from eventjob.contracts.base import Access, JobSpec
from eventjob.contracts.commands import StoredCommand, SubmitJob
from services.up.nats_server import read_server


def send(up, *messages):
    """Publish on the deployment's own bus, as nobody outside could."""
    server = read_server(up.data / "nats")

    async def sending():
        url = f"nats://127.0.0.1:{server.port}"
        password = server.passwords[PROVISION]
        connection = await connect(url, name="test", user=PROVISION, password=password)
        for message in messages:
            await publish(connection, [message])
        await connection.close()

    asyncio.run(sending())


def submission(url):
    parameters = msgspec.Raw(json.dumps(session(url, "one")["parameters"]).encode())
    spec = JobSpec(parameters=parameters, host="127.0.0.1", job_name="one")
    return msgspec.json.encode(SubmitJob(job_id="one", job=spec, owner="ann", access=Access()))


def listed(up):
    """The rows of the list, without its head."""
    return [line.split("\t") for line in up.did("parked").splitlines()[1:]]


def wait_for(up, count):
    """Until so many are parked, as the api counts them."""

    def count_parked():
        metrics = up.get("/metrics").data.decode()
        return float(re.search(r"^eventjob_parked_messages (.*)$", metrics, re.MULTILINE)[1])

    eventually(f"{count} parked", 20, lambda: count_parked() == count)
    return listed(up)


def test_a_command_whose_cause_of_failure_is_gone_is_done_after_all_and_once(up, site):
    data = submission(f"{site.url}/one")
    sha256 = hashlib.sha256(data).hexdigest()
    headers = {subjects.HEADER_COMMAND: "c-1", subjects.HEADER_ACTOR: "ann"}
    command = msgspec.json.encode(StoredCommand(sha256=sha256))
    subject = subjects.command_subject(subjects.token_of("j-one"))
    send(up, Outgoing(subject, command, {**headers, "Nats-Msg-Id": "c-1"}))
    ((sequence, _at, source, kind, _group, deliveries, reason),) = wait_for(up, 1)
    assert (source, kind, deliveries) == (subject, "StoredCommand", "1")
    assert "artifact is not there" in reason
    assert "1 messages are parked" in up.get("/readyz").json["message"]
    out = up.did("parked", "show", sequence)
    assert "Ej-Command: c-1\nEj-Actor: ann\n" in out
    assert json.loads(out.split("\n\n", 1)[1]) == {"type": "StoredCommand", "sha256": sha256}

    up.did("parked", "retry", sequence)  # the cause is still there
    eventually("it is parked again", 20, lambda: [r[0] for r in listed(up)] not in ([], [sequence]))
    ((again, *_),) = listed(up)
    blob = up.data / "artifacts" / "blobs" / sha256[:2] / sha256[2:4] / sha256
    blob.parent.mkdir(parents=True, exist_ok=True)
    blob.write_bytes(data)
    assert up.did("parked", "retry", again) == f"message {again}: put back to {subject}\n"

    def status():
        return up.get("/jobs/one").json.get("job", {}).get("status")

    eventually("the job's end", 60, lambda: status() == "completed")
    send(up, Outgoing(subject, command, headers))  # the same id once more
    assert up.did("parked") == "nothing is parked\n"
    history = up.get("/jobs/one/history").json["events"]
    assert [event["type"] for event in history].count("job_submitted") == 1
    assert history[0]["actor"] == "ann"


def test_a_task_is_explained_and_not_put_back_and_what_is_dropped_is_gone(up):
    subject = subjects.task_subject("fetch", "b-x", 3, 1)
    of_tomorrow = Outgoing(subject, b'{"type": "\x1b[2JOfTomorrow"}')
    send(up, of_tomorrow, Outgoing("cmd.03", b"\xff\x1b[2J"))
    rows = {row[2]: row for row in wait_for(up, 2)}
    assert rows[subject][4] == "b-x"
    task, garbage = rows[subject][0], rows["cmd.03"][0]
    code, out, err = up.ran("parked", "retry", task, garbage, "99")
    assert (code, out) == (1, f"message {garbage}: put back to cmd.03\n")
    assert f"message {task}: a task is not put back" in err
    assert "there is no parked message 99" in err
    eventually("it is parked again", 20, lambda: len(listed(up)) == 2)
    newest = max(int(row[0]) for row in listed(up))
    asked = (("show", newest), ("show", task), ())
    assert "\x1b" not in "".join(up.did("parked", *arguments) for arguments in asked)
    up.did("parked", "drop", task, newest)
    assert up.did("parked") == "nothing is parked\n"
    code, _, err = up.ran("parked", "show", task)
    assert (code, "there is no parked message" in err) == (1, True)
    assert up.ran("parked", "drop", "0")[0] == 2
