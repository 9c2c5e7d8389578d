"""Read a PDF's text, and draw previews of its pages."""

import io
import re
from pathlib import Path

import pypdfium2  # type: ignore[import-untyped]  # it has no stubs

from services.processor.extract.html.document import clean

MAX_PAGES = 200
MAX_CHARACTERS = 1_000_000
PREVIEW_PIXELS = 480  # of the longer side

_JPEG_QUALITY = 80
_HYPHEN = re.compile("[\x02\ufffe]")  # PDFium's marks for a hyphen at the end of a line


def read_page_texts(path: Path) -> list[str]:
    """Return the text of the first `MAX_PAGES` pages by paragraph, `MAX_CHARACTERS` in all.

    Raises:
        pypdfium2.PdfiumError: broken, or locked by a password.
    """
    with pypdfium2.PdfDocument(path) as document:
        return _read_texts(document)


def draw_pages(path: Path, first: int, last: int, folder: Path) -> list[Path]:
    """Draw pages ``first`` to ``last``, counted from 1, into files in ``folder``.

    Each is PNG or JPEG, whichever is smaller. The same PDF gives the same bytes.

    Raises:
        pypdfium2.PdfiumError: broken, or locked by a password.
    """
    with pypdfium2.PdfDocument(path) as document:
        return [_draw_page(document, number, folder) for number in range(first, last + 1)]


def _read_texts(document: pypdfium2.PdfDocument) -> list[str]:
    texts: list[str] = []
    left = MAX_CHARACTERS
    for number in range(min(len(document), MAX_PAGES)):
        page = document[number]
        text = _normalise(_HYPHEN.sub("-", page.get_textpage().get_text_bounded()))[:left]
        page.close()  # frees PDFium's memory at once
        left -= len(text)
        texts.append(text)
    return texts


def _normalise(text: str) -> str:
    """Clean the lines, and reduce gaps to one empty line."""
    lines = "\n".join(map(clean, text.splitlines()))
    return re.sub(r"\n{3,}", "\n\n", lines).strip("\n")


def _draw_page(document: pypdfium2.PdfDocument, number: int, folder: Path) -> Path:
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
