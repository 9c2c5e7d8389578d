"""How large images are, against what an image library writes."""

import io
import struct

import pytest
from PIL import Image
from tables import table

from services.processor.files.dimensions import dimensions

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
    assert dimensions(path, KINDS[kind]) == size


def test_an_avif_says_it_too(tmp_path):
    path = tmp_path / "image"
    Image.new("RGB", (64, 48)).save(path, "AVIF")
    assert dimensions(path, "image/avif") == (64, 48)


def test_nothing_is_decoded(tmp_path):
    path = tmp_path / "huge.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII", 13, b"IHDR", 60_000, 60_000))
    assert dimensions(path, "image/png") == (60_000, 60_000)


@pytest.mark.parametrize("kind", KINDS)
def test_a_header_that_ends_too_early_says_nothing(tmp_path, kind):
    whole = io.BytesIO()
    Image.new("RGB", (30, 20)).save(whole, kind)
    path = tmp_path / "image"
    for length in range(8):
        path.write_bytes(whole.getvalue()[:length])
        assert dimensions(path, KINDS[kind]) is None


def test_a_drawing_has_no_pixels(tmp_path):
    path = tmp_path / "image"
    path.write_text('<svg width="60000" height="60000"/>')
    assert dimensions(path, "image/svg+xml") is None


def test_a_jpeg_of_endless_fill_bytes_ends(tmp_path):
    path = tmp_path / "image"
    path.write_bytes(b"\xff" * 1_000_000)
    assert dimensions(path, "image/jpeg") is None
