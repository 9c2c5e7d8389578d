"""``make quality``: a table for each corpus, of what ran just now."""

import asyncio

import articles
import fosdem
import jsonld
import pretalx
import rendering
import titles
from corpus import ABSENT, CORPUS


def main():
    """Print all tables; without the corpus there is nothing to measure, and it says so."""
    if not CORPUS.exists():
        print(f"=== {ABSENT} ===")
        return
    show(
        "fosdem-pages, with the schedule at hand (2017's is made of the truth of its six sessions)"
    )
    lines(fosdem.tally(scheduled=True).rows())
    show("fosdem-pages, without it: weekday and time instead of start and end")
    lines(fosdem.tally(scheduled=False).rows())
    show("pretalx-pages")
    lines(pretalx.tally().rows())
    show("articles: four-gram shingles of words, means over pages")
    for way, found in articles.scores().items():
        means = f"precision {found.precision:.4f}, recall {found.recall:.4f}"
        print(f"{way:<26} F1 {found.f1:.4f}  ({means})")
    show("jsonld")
    lines(jsonld.tally().rows())
    show("all of these pages: their Markdown")
    lines(rendering.tally().rows())
    show("titles of all schedules")
    lines(asyncio.run(titles.tally()).rows())


def show(title):
    print(f"\n{title}\n{'-' * len(title)}", flush=True)


def lines(rows):
    print(*rows, sep="\n", flush=True)


if __name__ == "__main__":
    main()
