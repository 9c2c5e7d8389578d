"""The text of PDFs, and pictures of odd pages."""

import pytest
from hostile import described_pdf
from PIL import Image
from tables import row, table

from services.processor.files.pdf import draw_pages, page_texts

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
    assert page_texts(path) == [text]


@pytest.mark.parametrize("box", [b"0 0 20000 1", b"0 0 1 20000", b"0 0 0 0", b"0 0 14400 14400"])
def test_a_preview_is_small_whatever_the_page(tmp_path, box):
    path = tmp_path / "a.pdf"
    path.write_bytes(described_pdf(b"", FONT).replace(b"0 0 200 200", box))
    with Image.open(draw_pages(path, 1, 1, tmp_path)[0]) as picture:
        assert max(picture.size) <= 480
