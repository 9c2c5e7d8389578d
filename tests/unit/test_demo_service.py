"""The demo and the service: its folder, its start, its end, its answers, its ZIPs."""

import hashlib
import io
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from zipfile import ZipFile

import pytest
from tables import row, table

from demo import DemoFailed
from demo.client import Client
from demo.data_dir import lock_data_dir
from demo.downloads import download_batch_zip
from demo.service import run_service
from demo.zips import check_zip


@contextmanager
def answering(*answers: tuple[int, bytes]) -> Iterator[tuple[Client, list[str]]]:
    """A service that gives ``answers`` one after another; the requests that it has seen."""
    seen = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
            seen.append(f"{self.command} {self.path} {self.headers['X-User-ID']} {body}".strip())
            status, content = answers[len(seen) - 1]
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_POST = do_GET  # noqa: N815 - the library's name

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield Client(server.server_port), seen
        finally:
            server.shutdown()
            thread.join()


def empty_zip() -> bytes:
    buffer = io.BytesIO()
    with ZipFile(buffer, "w") as archive:
        archive.writestr("manifest.json", '{"files": []}')
    return buffer.getvalue()


def test_a_second_demo_takes_another_folder(tmp_path):
    wanted = tmp_path / "demo-data"
    with lock_data_dir(wanted) as first:
        assert first.path == wanted
        with lock_data_dir(wanted) as second, lock_data_dir(wanted) as third:
            assert (second.path.name, third.path.name) == ("demo-data-2", "demo-data-3")
    with lock_data_dir(wanted) as again:
        assert again.path == wanted


def test_a_service_that_does_not_start_says_why(tmp_path):
    with (
        lock_data_dir(tmp_path / "data") as data_dir,
        pytest.raises(DemoFailed) as failed,
        run_service(data_dir, {"EVENTJOB_MAX_ATTEMPTS": "many"}),
    ):
        pytest.fail("it cannot be ready")
    assert "eventjob up ended with 2" in str(failed.value)
    assert "EVENTJOB_MAX_ATTEMPTS" in str(failed.value)


@pytest.mark.long
def test_a_service_is_ready_inside_and_gone_after(tmp_path, monkeypatch):
    monkeypatch.setenv("EVENTJOB_NATS_URL", "nats://somebody-elses.example")
    with lock_data_dir(tmp_path / "data") as data_dir, run_service(data_dir, {}) as client:
        assert client.is_ready()
    assert not client.is_ready()


def test_a_batch_is_submitted_as_the_demos_user():
    with answering((201, b'{"status":"success","batch":{"batch_id":"batch-1"}}')) as (client, seen):
        assert client.submit_batch("Conf", [{"session": "Talk"}]) == "batch-1"
    method, path, user, body = seen[0].split(" ", 3)
    assert (method, path, user) == ("POST", "/api/event-job/batches", "demo")
    assert json.loads(body) == {"batch_name": "Conf", "jobs": [{"parameters": {"session": "Talk"}}]}


@table(
    "status, content, reason",
    row(
        "a refusal is told",
        400,
        b'{"status":"error","error_type":"validation_error","message":"no url"}',
        "refused POST .*/jobs: 400 validation_error: no url",
    ),
    row("an answer of another kind", 200, b"<html>", "no usable answer .*/jobs: 200"),
    row("no job in it", 201, b'{"status":"success"}', "missing required field `job`"),
)
def test_a_bad_answer_fails_with_its_reason(status, content, reason):
    with answering((status, content)) as (client, _), pytest.raises(DemoFailed, match=reason):
        client.submit_job({"session": "Talk"})


def test_a_service_that_is_not_there_is_told():
    with answering() as (client, _):
        pass
    with pytest.raises(DemoFailed, match=r"GET http://127\.0\.0\.1:.*/jobs/job-1 failed: "):
        client.job("job-1")


def test_a_batchs_zip_is_waited_for(tmp_path):
    target = tmp_path / "Conf 1.0.zip"
    with answering((409, b"{}"), (200, empty_zip())) as (client, seen):
        assert download_batch_zip(client, "batch-1", target) == 1
    assert seen == ["GET /api/event-job/batches/batch-1/download-archive demo"] * 2
    assert [file.name for file in tmp_path.iterdir()] == [target.name]


@pytest.mark.parametrize("status", [404, 500])
def test_any_other_answer_about_a_batchs_zip_is_a_failure(tmp_path, status):
    with (
        answering((status, b"{}")) as (client, _),
        pytest.raises(DemoFailed, match=f"batch-1 is not there: the service answered {status}"),
    ):
        download_batch_zip(client, "batch-1", tmp_path / "batch.zip")


FILES = {
    "Conf/Track/talk.md": b"# Talk\n",
    "Conf/Track/talk/slides.pdf": b"%PDF-",
    "README.md": b"r",
}


def listed(path, content):
    return {"path": path, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def write(path, files, manifest=None):
    lines = [listed(name, content) for name, content in files.items()]
    with ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
        archive.writestr("manifest.json", json.dumps(manifest or {"schema": "x", "files": lines}))
    return path


def test_a_right_zip_is_counted(tmp_path):
    assert check_zip(write(tmp_path / "right.zip", FILES)) == 4


@table(
    "in_zip, in_manifest, reason",
    row("another content", {**FILES, "README.md": b"R"}, FILES, "README.md differs from"),
    row("another size", {**FILES, "README.md": b"rr"}, FILES, "README.md differs from"),
    row("one too many", {**FILES, "more.txt": b""}, FILES, "not the 5 there"),
    row("one too few", {"README.md": b"r"}, FILES, "not the 2 there"),
)
def test_a_wrong_zip_is_refused_by_name(tmp_path, in_zip, in_manifest, reason):
    manifest = {"files": [listed(name, content) for name, content in in_manifest.items()]}
    path = write(tmp_path / "wrong.zip", in_zip, manifest)
    with pytest.raises(DemoFailed, match=f"wrong.zip is not a valid ZIP of sessions: .*{reason}"):
        check_zip(path)


def test_a_damaged_zip_is_refused(tmp_path):
    path = write(tmp_path / "damaged.zip", FILES)
    path.write_bytes(path.read_bytes().replace(b"# Talk", b"# Tall"))
    with pytest.raises(DemoFailed, match="Bad CRC-32"):
        check_zip(path)


@table(
    "content, reason",
    row("something else", b"<html>", "not a zip file"),
    row("nothing", b"", "not a zip file"),
)
def test_what_is_no_zip_is_refused(tmp_path, content, reason):
    path = tmp_path / "no.zip"
    path.write_bytes(content)
    with pytest.raises(DemoFailed, match=reason):
        check_zip(path)


def test_a_zip_without_a_manifest_is_refused(tmp_path):
    path = tmp_path / "bare.zip"
    with ZipFile(path, "w") as archive:
        archive.writestr("a", "b")
    with pytest.raises(DemoFailed, match=re.escape("manifest.json")):
        check_zip(path)
