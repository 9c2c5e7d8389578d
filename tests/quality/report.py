"""``make quality``: a table for each corpus, of what ran just now."""

import asyncio

import articles
import conferences
import markup
import titles
from corpus import ABSENT, CORPUS


def scores():
    for way, found in articles.scores().items():
        means = f"precision {found.precision:.4f}, recall {found.recall:.4f}"
        yield f"{way:<26} F1 {found.f1:.4f}  ({means})"


TALLIES = {
    "fosdem-pages, with the schedule at hand (2017's is made of the truth of its six sessions)": (
        lambda: conferences.fosdem(scheduled=True).rows()
    ),
    "fosdem-pages, without it: weekday and time instead of start and end": (
        lambda: conferences.fosdem(scheduled=False).rows()
    ),
    "pretalx-pages": lambda: conferences.pretalx().rows(),
    "articles: four-gram shingles of words, means over pages": scores,
    "jsonld": lambda: markup.json_ld().rows(),
    "all of these pages: their Markdown": lambda: markup.markdown().rows(),
    "titles of all schedules": lambda: asyncio.run(titles.tally()).rows(),
}


def main():
    """Print all tables; without the corpus there is nothing to measure, and it says so."""
    if not CORPUS.exists():
        print(f"=== {ABSENT} ===")
        return
    for title, rows in TALLIES.items():
        print(f"\n{title}\n{'-' * len(title)}", *rows(), sep="\n", flush=True)


if __name__ == "__main__":
    main()
