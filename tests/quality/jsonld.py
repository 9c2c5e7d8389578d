"""Pages with JSON-LD: none of them breaks, and an Event counts only by a title of the page."""

import re
import tempfile
from pathlib import Path

from corpus import CORPUS, read
from scoring import Tally

from services.processor.extract.html.document import match_key

_TITLES = re.compile(
    r"<(h[1-3]|title)\b[^>]*>.*?</\1\s*>|<meta[^>]*og:title[^>]*>", re.DOTALL | re.IGNORECASE
)


def tally():
    """All pages, as they are and without their titles."""
    result = Tally()
    with tempfile.TemporaryDirectory() as folder:
        untitled = Path(folder) / "page.html"
        for path in sorted((CORPUS / "jsonld").glob("*.html")):
            html = path.read_text(encoding="utf-8", errors="replace")
            event = _event(path)
            titles = match_key(" ".join(found[0] for found in _TITLES.finditer(html)))
            found = {"an Event only by a title": event is None or match_key(event.title) in titles}
            untitled.write_text(_TITLES.sub("", html), encoding="utf-8")
            found["no title, no Event"] = _event(untitled) is None
            result.compare(path.stem, found, dict.fromkeys(found, True))
    return result


def _event(path):
    return read(path, "https://conf.example/one").rungs.get("jsonld")
