"""What PDFs, subtitles and images say."""

import io
import struct

import pytest
from hostile import described_pdf
from PIL import Image
from tables import row, table

from services.processor.files.dimensions import read_dimensions
from services.processor.files.pdf import draw_pages, read_page_texts
from services.processor.files.subtitles import read_transcript

FONT = b"/Font << /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >>"


@table(
    "content, text",
    row("hyphens stay", b"(exam-) Tj 0 -14 Td (ple) Tj", "exam-ple"),
    row("lines stay", b"(one) Tj 0 -40 Td (two) Tj", "one\ntwo"),
    row("control characters go", b"(a\\001b) Tj", "ab"),
)
def test_the_text_is_as_it_stands(tmp_path, content, text):
    path = tmp_path / "a.pdf"
    path.write_bytes(described_pdf(b"BT /F1 12 Tf 10 180 Td %b ET" % content, FONT))
    assert read_page_texts(path) == [text]


@pytest.mark.parametrize("box", [b"0 0 20000 1", b"0 0 1 20000", b"0 0 0 0", b"0 0 14400 14400"])
def test_a_preview_is_small_whatever_the_page(tmp_path, box):
    path = tmp_path / "a.pdf"
    path.write_bytes(described_pdf(b"", FONT).replace(b"0 0 200 200", box))
    with Image.open(draw_pages(path, 1, 1, tmp_path)[0]) as picture:
        assert max(picture.size) <= 480


VTT = "WEBVTT\n\n"


@table(
    "text, said",
    row(
        "cues are joined, without times, notes, names and tags",
        VTT + "NOTE a note\n\nSTYLE\n::cue {}\n\nintro\n00:00.000 --> 00:02.000 align:start\n"
        "<i>Hello</i> &amp; <c.red>welcome</c>\nall of you\n\n"
        "00:02.500 --> 00:04.000\nto this.\n",
        "Hello & welcome all of you to this.",
    ),
    row(
        "SubRip",
        "1\n00:00:00,000 --> 00:00:01,000\nOne.\n\n2\n00:00:01,000 --> 00:00:02,000\nTwo.\n",
        "One. Two.",
    ),
    row("SubRip of Windows", "1\r\n0:00:00,000 --> 0:00:01,000\r\n{\\an8}One.\r\n\r\n", "One."),
    row(
        "a pause begins a paragraph",
        VTT + "00:00.000 --> 00:01.000\nA.\n\n00:09.000 --> 00:10.000\nB.\n",
        "A.\n\nB.",
    ),
    row(
        "another voice begins a paragraph",
        VTT + "00:00.000 --> 00:01.000\n<v Ada>A.\n\n00:01.000 --> 00:02.000\n<v Ada>B.\n\n"
        "00:02.000 --> 00:03.000\n<v.loud Bob>C.\n",
        "Ada: A. B.\n\nBob: C.",
    ),
    row(
        "captions that roll are said once",
        VTT + "00:00.000 --> 00:01.000\nthe tide is\n\n00:01.000 --> 00:02.000\nthe tide is\n"
        "a sum\n\n00:02.000 --> 00:03.000\na sum\nof cosines\n",
        "the tide is a sum of cosines",
    ),
    row(
        "captions that grow are said once",
        VTT + "00:00.000 --> 00:01.000\nthe\n\n00:01.000 --> 00:02.000\nthe tide\n\n"
        "00:02.000 --> 00:03.000\nthe tide is\n",
        "the tide is",
    ),
    row("nothing", VTT, ""),
    row("no cue at all", "00:01 --> x\n1 --> 2\n", ""),
    row("no tag", VTT + "00:00.000 --> 00:01.000\na < b\x00\n", "a < b"),
)
def test_the_words_are_what_is_left(tmp_path, text, said):
    path = tmp_path / "x.vtt"
    path.write_text(text, newline="")
    assert read_transcript(path, None) == said


@table("charset, encoding", (None, "utf-8-sig"), (None, "utf-16"), ("latin-1", "latin-1"))
def test_subtitles_are_decoded_as_pages_are(tmp_path, charset, encoding):
    path = tmp_path / "x.vtt"
    path.write_text(VTT + "00:00.000 --> 00:01.000\nÜbrigens\n", encoding=encoding)
    assert read_transcript(path, charset) == "Übrigens"


KINDS = {"PNG": "image/png", "JPEG": "image/jpeg", "GIF": "image/gif", "WEBP": "image/webp"}


@pytest.mark.parametrize("size", [(1, 1), (300, 7), (257, 4097)])
@table(
    "kind, options",
    ("PNG", {}),
    ("JPEG", {}),
    ("JPEG", {"progressive": True, "comment": b"x" * 5000}),
    ("GIF", {}),
    ("WEBP", {}),
    ("WEBP", {"lossless": True}),
    ("WEBP", {"exif": b"Exif\0\0" + bytes(30)}),
)
def test_the_header_says_how_large_an_image_is(tmp_path, kind, options, size):
    path = tmp_path / "image"
    Image.new("RGB", size).save(path, kind, **options)
    assert read_dimensions(path, KINDS[kind]) == size


def test_an_avif_says_it_too(tmp_path):
    path = tmp_path / "image"
    Image.new("RGB", (64, 48)).save(path, "AVIF")
    assert read_dimensions(path, "image/avif") == (64, 48)


def test_nothing_is_decoded(tmp_path):
    path = tmp_path / "huge.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII", 13, b"IHDR", 60_000, 60_000))
    assert read_dimensions(path, "image/png") == (60_000, 60_000)


@pytest.mark.parametrize("kind", KINDS)
def test_a_header_that_ends_too_early_says_nothing(tmp_path, kind):
    whole = io.BytesIO()
    Image.new("RGB", (30, 20)).save(whole, kind)
    path = tmp_path / "image"
    for length in range(8):
        path.write_bytes(whole.getvalue()[:length])
        assert read_dimensions(path, KINDS[kind]) is None


def test_a_drawing_has_no_pixels(tmp_path):
    path = tmp_path / "image"
    path.write_text('<svg width="60000" height="60000"/>')
    assert read_dimensions(path, "image/svg+xml") is None


def test_a_jpeg_of_endless_fill_bytes_ends(tmp_path):
    path = tmp_path / "image"
    path.write_bytes(b"\xff" * 1_000_000)
    assert read_dimensions(path, "image/jpeg") is None
