"""The papers: settings as declared, links and paths that are there, and short first pages."""

import re
import subprocess
import sys

from documents import PAGES, ROOT

PAPERS = [*PAGES, ROOT / "ARCHITECTURE.md", ROOT / "CONTRIBUTING.md"]
LINK = re.compile(r"\]\((?!https?:)([^)#\s]*)(?:#([^)]+))?\)")
PLACE = re.compile(r"`((?:services|shared|tests|demo|deploy|docs)/[\w./-]+)`")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


def anchors(page):
    """The names that GitHub gives to the headings of a page."""
    titles = (title.lower().replace(" ", "-") for title in HEADING.findall(page.read_text()))
    return {re.sub(r"[^\w-]", "", title) for title in titles}


def test_the_settings_page_is_what_the_declaration_says():
    command = [sys.executable, str(ROOT / "docs/generate_settings.py")]
    generated = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    page = (ROOT / "docs/settings.md").read_text()
    assert generated == page, "run `make docs`, then commit docs/settings.md"


def test_every_link_between_papers_leads_somewhere():
    lost = []
    for page in PAPERS:
        for path, anchor in LINK.findall(page.read_text()):
            target = page.parent / path if path else page
            if not target.exists() or (anchor and anchor not in anchors(target)):
                lost.append(f"{page.name}: {path}#{anchor}")
    assert lost == []


def test_every_place_that_papers_name_is_there():
    named = {place for page in PAPERS for place in PLACE.findall(page.read_text())}
    assert len(named) > 20
    assert sorted(place for place in named if not (ROOT / place).exists()) == []


def test_the_first_papers_are_short():
    assert len((ROOT / "README.md").read_text().splitlines()) <= 150
    assert (ROOT / "ARCHITECTURE.md").stat().st_size <= 10 * 1024
