"""What a body is: declared type, bytes and name together."""

import pytest
from tables import table

from eventjob.fetch.errors import FetchFailed
from services.processor.files.filetype import may_be, verdict

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
    found = verdict("slides", declared, head, name)
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
        verdict(purpose, declared, head, "x")
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
    assert may_be(purpose, declared) is read


def test_a_declared_video_is_not_read():
    with pytest.raises(FetchFailed) as failure:
        may_be("slides", "video/mp4")
    assert failure.value.code == "is_video"
