"""`eventjob parked` on a deployment: what broke is seen, and tried again once the cause is gone."""

import asyncio
import hashlib
import json

import msgspec
from deployment import Up, eventually, without_pauses
from pages import Site

from eventjob.bus import subjects
from eventjob.bus.streams.permissions import PROVISION
from eventjob.bus.wire.connection import connect
from eventjob.bus.wire.publish import Outgoing, publish
from eventjob.contracts.base import Access, JobSpec
from eventjob.contracts.commands import StoredCommand, SubmitJob
from services.up.nats_server import prepared

ANN = {"X_User_ID": "ann"}


def send(up, *messages):
    """Publish on the deployment's own bus, as nobody outside could."""
    server = prepared(up.folder / "data" / "nats")

    async def sending():
        url = f"nats://127.0.0.1:{server.port}"
        password = server.passwords[PROVISION]
        connection = await connect(url, name="test", user=PROVISION, password=password)
        for message in messages:
            await publish(connection, [message])
        await connection.close()

    asyncio.run(sending())


def submission(url):
    parameters = {"event": "E", "session": "one", "track": "T", "filename": "one.md", "url": url}
    spec = JobSpec(
        parameters=msgspec.Raw(json.dumps(parameters).encode()), host="127.0.0.1", job_name="one"
    )
    command = SubmitJob(job_id="one", job=spec, owner="ann", access=Access())
    return msgspec.json.encode(command)


def listed(up):
    """The rows of the list, without its head."""
    code, out, err = up.ran("parked")
    assert code == 0, err
    return [line.split("\t") for line in out.splitlines()[1:]]


def test_a_command_whose_cause_of_failure_is_gone_is_done_after_all_and_once(tmp_path):
    with Site() as site, Up(tmp_path, **without_pauses(site.port)) as up:
        data = submission(f"{site.url}/one")
        sha256 = hashlib.sha256(data).hexdigest()
        token = subjects.token_of("j-one")
        headers = {subjects.HEADER_COMMAND: "c-1", subjects.HEADER_ACTOR: "ann"}
        command = msgspec.json.encode(StoredCommand(sha256=sha256))
        subject = subjects.command_subject(token)
        send(up, Outgoing(subject, command, {**headers, "Nats-Msg-Id": "c-1"}))
        eventually("the command is parked", 20, lambda: listed(up))
        ((sequence, _at, source, kind, _group, deliveries, reason),) = listed(up)
        assert (source, kind, deliveries) == (subject, "StoredCommand", "1")
        assert "artifact is not there" in reason
        assert "eventjob_parked_messages 1.0" in up.get("/metrics").data.decode()
        assert "1 messages are parked" in up.get("/readyz").json["message"]
        code, out, _ = up.ran("parked", "show", sequence)
        assert code == 0
        assert "Ej-Command: c-1\nEj-Actor: ann\n" in out
        assert json.loads(out.split("\n\n", 1)[1]) == {"type": "StoredCommand", "sha256": sha256}

        assert up.ran("parked", "retry", sequence)[0] == 0  # the cause is still there
        eventually("it is parked again", 20, lambda: [r[0] for r in listed(up)] != [sequence])
        eventually("it is parked again", 20, lambda: listed(up))
        ((again, *_),) = listed(up)
        assert again != sequence

        blob = up.folder / "data" / "artifacts" / "blobs" / sha256[:2] / sha256[2:4] / sha256
        blob.parent.mkdir(parents=True, exist_ok=True)
        blob.write_bytes(data)
        code, out, err = up.ran("parked", "retry", again)
        assert (code, out) == (0, f"message {again}: put back to {subject}\n"), err
        eventually(
            "the job's end",
            60,
            lambda: up.get("/jobs/one", **ANN).json.get("job", {}).get("status") == "completed",
        )
        send(up, Outgoing(subject, command, headers))  # the same id once more
        assert up.ran("parked")[1] == "nothing is parked\n"
        history = up.get("/jobs/one/history", **ANN).json["events"]
        assert [event["type"] for event in history].count("job_submitted") == 1
        assert history[0]["actor"] == "ann"


def test_a_task_is_explained_and_not_put_back_and_what_is_dropped_is_gone(tmp_path):
    with Up(tmp_path) as up:
        subject = subjects.task_subject("fetch", "b-x", 3, 1)
        send(
            up,
            Outgoing(subject, b'{"type": "\x1b[2JOfTomorrow"}'),
            Outgoing("cmd.03", b"\xff\x1b[2J"),
        )
        eventually("both are parked", 20, lambda: len(listed(up)) == 2)
        rows = {row[2]: row for row in listed(up)}
        assert rows[subject][4] == "b-x"
        task, garbage = rows[subject][0], rows["cmd.03"][0]
        code, out, err = up.ran("parked", "retry", task, garbage, "99")
        assert (code, out) == (1, f"message {garbage}: put back to cmd.03\n")
        assert f"message {task}: a task is not put back" in err
        assert "there is no parked message 99" in err
        eventually("it is parked again", 20, lambda: len(listed(up)) == 2)
        newest = max(int(row[0]) for row in listed(up))
        asked = (("show", str(newest)), ("show", task), ())
        shown = "".join(up.ran("parked", *arguments)[1] for arguments in asked)
        assert "\x1b" not in shown
        assert up.ran("parked", "drop", task, str(newest))[0] == 0
        assert up.ran("parked")[:2] == (0, "nothing is parked\n")
        code, _, err = up.ran("parked", "show", task)
        assert (code, "there is no parked message" in err) == (1, True)
        assert up.ran("parked", "drop", "0")[0] == 2
        assert up.stop() == 0
        assert up.ran("parked")[:2] == (0, "nothing is parked\n")
