"""What is in a PDF: its text, and small pictures of its pages."""

import io
import re
from pathlib import Path

import pypdfium2  # type: ignore[import-untyped]  # it has no stubs

from services.processor.extract.html.document import clean

MOST_PAGES = 200
MOST_CHARACTERS = 1_000_000
PREVIEW_PIXELS = 480  # of the longer side

_JPEG_QUALITY = 80
_HYPHEN = re.compile("[\x02\ufffe]")  # at a line's end, as PDFium says it


def page_texts(path: Path) -> list[str]:
    """The text of the first `MOST_PAGES` pages, paragraphs kept, `MOST_CHARACTERS` in all.

    Raises:
        pypdfium2.PdfiumError: it is broken, or locked by a password.
    """
    with pypdfium2.PdfDocument(path) as document:
        return _texts(document)


def draw_pages(path: Path, first: int, last: int, folder: Path) -> list[Path]:
    """Pictures of pages ``first`` to ``last``, counted from 1, as files in ``folder``.

    Each is a PNG or a JPEG, whichever is smaller. The same PDF gives the same bytes.

    Raises:
        pypdfium2.PdfiumError: it is broken, or locked by a password.
    """
    with pypdfium2.PdfDocument(path) as document:
        return [_drawn(document, number, folder) for number in range(first, last + 1)]


def _texts(document: pypdfium2.PdfDocument) -> list[str]:
    texts: list[str] = []
    room = MOST_CHARACTERS
    for number in range(min(len(document), MOST_PAGES)):
        page = document[number]
        text = _paragraphs(_HYPHEN.sub("-", page.get_textpage().get_text_bounded()))[:room]
        page.close()
        room -= len(text)
        texts.append(text)
    return texts


def _paragraphs(text: str) -> str:
    """Its lines, and one empty line wherever there are some."""
    lines = "\n".join(map(clean, text.splitlines()))
    return re.sub(r"\n{3,}", "\n\n", lines).strip("\n")


def _drawn(document: pypdfium2.PdfDocument, number: int, folder: Path) -> Path:
    page = document[number - 1]
    longer = max(page.get_size())
    if longer <= 0:
        raise ValueError(f"page {number} has no size")
    bitmap = page.render(scale=PREVIEW_PIXELS / longer, may_draw_forms=False)
    picture = bitmap.to_pil()
    files = {".png": io.BytesIO(), ".jpg": io.BytesIO()}
    picture.save(files[".png"], "PNG", optimize=True)
    picture.save(files[".jpg"], "JPEG", quality=_JPEG_QUALITY, optimize=True)
    page.close()
    extension = min(files, key=lambda name: files[name].tell())
    path = folder / f"page-{number:03}{extension}"
    path.write_bytes(files[extension].getvalue())
    return path
