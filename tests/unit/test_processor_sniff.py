import time

import pytest
from tables import table

from services.processor.files.sniff import HEAD_BYTES, sniff

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
