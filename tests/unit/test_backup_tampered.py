"""A backup that somebody has changed, checksums and all: it leads nowhere, and gives no orders."""

import asyncio
import os
from datetime import UTC, datetime

import msgspec
import pytest
from tables import table

from eventjob.bus.backup import restore_streams, stream_snapshot
from eventjob.bus.backup.stream_snapshot import StreamDescription
from eventjob.bus.log.raw import StoredMessage, encode_line
from eventjob.runtime.lifecycle import CannotStart
from services.backup.blobs import read_list
from services.backup.manifest import NAME, File, Manifest, read_manifest
from services.backup.restore import read_messages
from services.backup.restore_command import verify

NOW = datetime(2026, 1, 1, tzinfo=UTC)
EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
STREAM = StreamDescription(config={}, state={"last_seq": 1})
NO_END = StreamDescription(config={}, state={})
GOOD = Manifest(
    format=1,
    eventjob="1",
    schema_version=1,
    started_at=NOW,
    ended_at=NOW,
    last_sequence=1,
    streams={"EVENTS": STREAM, "PARKED": STREAM},
    files=[File(path="log-1/artifacts", size_bytes=0, sha256=EMPTY)],
    artifacts=0,
    artifact_bytes=0,
)


def read(folder, **changes):
    changed = msgspec.structs.replace(GOOD, **changes)
    (folder / NAME).write_bytes(msgspec.json.encode(changed))
    return read_manifest(folder)


def test_an_untouched_one_is_read(tmp_path):
    assert read(tmp_path) == GOOD


@pytest.mark.parametrize("path", ["/etc/artifacts", "../artifacts", "a/../../artifacts", "a\0b"])
def test_a_path_out_of_the_folder_is_refused(tmp_path, path):
    with pytest.raises(CannotStart, match="expected a file in the folder"):
        read(tmp_path, files=[File(path=path, size_bytes=0, sha256=EMPTY)])


@table(
    "streams",
    {},
    {"EVENTS": STREAM},
    {"EVENTS": STREAM, "PARKED": StreamDescription(config={}, state={})},
)
def test_a_stream_without_end_is_refused(tmp_path, streams):
    with pytest.raises(CannotStart, match="lacks the last sequence of"):
        read(tmp_path, streams=streams)


def test_nobody_waits_for_a_pipe(tmp_path):
    (tmp_path / "log-1").mkdir()
    os.mkfifo(tmp_path / "log-1" / "artifacts")
    with pytest.raises(CannotStart, match="log-1/artifacts is no regular file"):
        verify(tmp_path, GOOD, asyncio.Event(), lambda _said: None)


@table(
    "text",
    b"x\n",
    b"../../../etc/passwd 5\n",
    b"\xff 5\n",
    b"a b c\n",
    b"a" * 64 + b" " + b"9" * 5000,
)
def test_a_list_of_artifacts_that_is_none_is_named(tmp_path, text):
    file = tmp_path / "artifacts"
    file.write_bytes(b"a" * 64 + b" 5\n" + text)
    with pytest.raises(CannotStart, match="expected a sha256 and a size"):
        list(read_list(file))


@pytest.mark.parametrize("subject", ["$JS.API.STREAM.DELETE.CMD", "cmd.00", "evil"])
def test_what_is_no_event_is_sent_nowhere(tmp_path, subject):
    messages = [
        StoredMessage(sequence=n, subject=s, data=b"") for n, s in ((1, "ev.00.a"), (2, subject))
    ]
    (tmp_path / "events").write_bytes(b"".join(map(encode_line, messages)))
    found = read_messages(tmp_path / "events", "ev.")
    assert next(found) == messages[0]
    with pytest.raises(CannotStart, match="has a message to"):
        next(found)


async def test_a_stream_that_comes_back_sends_nothing_on(monkeypatch):
    made = []

    async def load_stream(_connection, _stream, described, _chunks):
        made.append(described.config)
        return described

    monkeypatch.setattr(stream_snapshot, "load_stream", load_stream)
    evil = {"republish": {"src": "ev.>", "dest": "cmd.>"}, "sources": [{"name": "CMD"}]}
    described = StreamDescription(config={"name": "EVENTS", **evil}, state={"last_seq": 1})
    await restore_streams.restore_stream(None, "EVENTS", described, [])
    assert made[0].keys() == {"name", "num_replicas", "metadata"}
