"""The text of a PDF, page by page."""

from pathlib import Path

import pypdfium2  # type: ignore[import-untyped]  # it has no stubs

from services.processor.extract.document import clean

MOST_PAGES = 200
MOST_CHARACTERS = 1_000_000


def page_texts(path: Path) -> list[str]:
    """The text of the first `MOST_PAGES` pages, paragraphs kept, `MOST_CHARACTERS` in all.

    Raises:
        pypdfium2.PdfiumError: it is broken, or locked by a password.
    """
    with pypdfium2.PdfDocument(path) as document:
        return _texts(document)


def _texts(document: pypdfium2.PdfDocument) -> list[str]:
    texts: list[str] = []
    room = MOST_CHARACTERS
    for number in range(min(len(document), MOST_PAGES)):
        page = document[number]
        lines = page.get_textpage().get_text_range().splitlines()
        page.close()
        text = "\n".join(line for line in map(clean, lines) if line)[:room]
        room -= len(text)
        texts.append(text)
    return texts
