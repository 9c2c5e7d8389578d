"""What a body is: declared type, bytes and name together."""

import time

import pytest
from tables import table

from eventjob.fetch.errors import FetchFailed
from services.processor.files.filetype import check_type, is_acceptable
from services.processor.files.sniff import HEAD_BYTES, sniff

PDF, PNG, HTML = b"%PDF-1.7", b"\x89PNG\r\n\x1a\n", b"<!doctype html><html>"
ZIP, MP4, EXE = b"PK\x03\x04" + bytes(40), b"\x00\x00\x00\x20ftypisom", b"MZ\x90\x00\x03\x00"
PPTX = "application/vnd.openxmlformats-officedocument.presentationml.presentation"
OCTETS = "application/octet-stream"


@table(
    "declared, head, name, media_type, mismatch",
    ("application/pdf", PDF, "a.pdf", "application/pdf", None),
    ("application/x-pdf", PDF, "a", "application/pdf", None),
    ("", PDF, "a", "application/pdf", None),
    (OCTETS, PDF, "a.pdf", "application/pdf", None),
    ("text/plain", PDF, "a.pdf", "application/pdf", None),
    ("image/jpg", b"\xff\xd8\xff", "a.jpeg", "image/jpeg", None),
    (PPTX, ZIP, "download", PPTX, None),
    ("application/zip", ZIP, "a.pptx", PPTX, None),
    ("application/java-archive", ZIP, "a.jar", "application/zip", None),
    ("text/csv", b"a;b", "table", "text/csv", None),
    ("text/x-python", b"print()", "a.py", "text/plain", None),
    ("application/json", b"{}", "a", "application/json", None),
    ("application/pdf", PNG, "a.pdf", "image/png", "declared application/pdf"),
    (OCTETS, PNG, "a.pdf", "image/png", "named .pdf"),
    ("application/pdf", EXE, "a.pdf", OCTETS, "declared application/pdf"),
    ("", EXE, "a.pdf", OCTETS, "named .pdf"),
    ("", EXE, "a.exe", OCTETS, None),
    ("application/pdf", b"hello <b>you", "a.pdf", OCTETS, "declared application/pdf"),
    ("image/png", b"not found", "a.png", "text/plain", "declared image/png"),
)
def test_the_bytes_decide_and_a_contradiction_is_told(declared, head, name, media_type, mismatch):
    found = check_type("slides", declared, head, name)
    assert found.file_type.media_type == media_type
    wanted = mismatch and f"type_mismatch: {mismatch}, found {media_type}"
    assert found.mismatch == wanted


@table(
    "purpose, declared, head, code",
    ("page", "text/html", PDF, "wrong_type"),
    ("page", "", PNG, "wrong_type"),
    ("slides", "application/pdf", HTML, "wrong_type"),
    ("attachments", "text/plain", HTML, "wrong_type"),
    ("images", "image/png", HTML, "wrong_type"),
    ("images", "image/png", PDF, "wrong_type"),
    ("images", "image/png", EXE, "wrong_type"),
    ("subtitles", "text/vtt", HTML, "wrong_type"),
    ("subtitles", "text/vtt", b"hello", "wrong_type"),
    ("slides", OCTETS, MP4, "is_video"),
)
def test_what_cannot_serve_its_purpose_is_refused(purpose, declared, head, code):
    with pytest.raises(FetchFailed) as failure:
        check_type(purpose, declared, head, "x")
    assert failure.value.code == code


@table(
    "purpose, declared, read",
    ("page", "text/html", True),
    ("page", "application/xhtml+xml", True),
    ("page", "", True),
    ("page", "text/plain", False),
    ("page", "application/pdf", False),
    ("slides", "text/html", False),
    ("slides", "application/xhtml+xml", False),
    ("slides", "anything/else", True),
    ("images", "text/plain", True),
)
def test_the_declared_type_is_asked_before_the_body_is_read(purpose, declared, read):
    assert is_acceptable(purpose, declared) is read


def test_a_declared_video_is_not_read():
    with pytest.raises(FetchFailed) as failure:
        is_acceptable("slides", "video/mp4")
    assert failure.value.code == "is_video"


ODP = (
    b"PK\x03\x04" + bytes(26) + b"mimetypeapplication/vnd.oasis.opendocument.presentationPK\x03\x04"
)


@table(
    "head, name, media_type, extension",
    (b"%PDF-1.7\n", "x.html", "application/pdf", ".pdf"),
    (b"\x89PNG\r\n\x1a\n\x00", "x.pdf", "image/png", ".png"),
    (b"\xff\xd8\xff\xe0", "", "image/jpeg", ".jpg"),
    (b"GIF89a<script>", "x.gif", "image/gif", ".gif"),
    (b"RIFF\x00\x00\x00\x00WEBPVP8 ", "", "image/webp", ".webp"),
    (b"\x00\x00\x00\x20ftypisom", "", "video/mp4", ".mp4"),
    (b"\x00\x00\x00\x20ftypavif", "", "image/avif", ".avif"),
    (b"PK\x03\x04" + bytes(40), "x.zip", "application/zip", ".zip"),
    (b"PK\x03\x04" + bytes(40), "x.html", "application/zip", ".zip"),
    (
        b"PK\x03\x04" + bytes(40),
        "talk.PPTX",
        "application/vnd.openxmlformats-officedocument.presentationml.presentation",
        ".pptx",
    ),
    (ODP, "x", "application/vnd.oasis.opendocument.presentation", ".odp"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "a.ppt", "application/vnd.ms-powerpoint", ".ppt"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "a.exe", "application/octet-stream", ".bin"),
    (b"<!-- x --> <!DOCTYPE html><html>", "x.pdf", "text/html", ".html"),
    (b"\n <HTML>", "", "text/html", ".html"),
    (b"<script>alert(1)</script>", "x.txt", "text/html", ".html"),
    (b'<?xml version="1.0"?><!-- c --><svg xmlns="x">', "", "image/svg+xml", ".svg"),
    (b"hello <b>you</b>", "x.txt", "application/octet-stream", ".bin"),
    (b"a plain text, 1 < 2", "x", "text/plain", ".txt"),
    (b"a;b\n1;2", "x.csv", "text/csv", ".csv"),
    ("é".encode() * HEAD_BYTES, "x", "text/plain", ".txt"),
    (b"MZ\x90\x00\x03", "setup.pdf", "application/octet-stream", ".bin"),
    (b"\xe9t\xe9", "x.txt", "application/octet-stream", ".bin"),
)
def test_a_file_is_what_its_bytes_say(head, name, media_type, extension):
    found = sniff(head[:HEAD_BYTES], name)
    assert (found.media_type, found.extension) == (media_type, extension)


@pytest.mark.parametrize("piece", [b"<!---->", b"<?x?>", b" ", b"<!--"])
def test_no_beginning_takes_long(piece):
    began = time.perf_counter()
    sniff((piece * HEAD_BYTES)[:HEAD_BYTES], "x")
    assert time.perf_counter() - began < 0.5
