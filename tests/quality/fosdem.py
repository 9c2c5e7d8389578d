"""FOSDEM's pages: each field against what they were made of, with and without the schedule."""

import json
import tempfile
from datetime import datetime
from pathlib import Path
from xml.sax.saxutils import escape

from corpus import CORPUS, UNTITLED, read, session_of, text_of
from scoring import Tally

from services.processor.extract.page import build_page
from services.processor.schedule.matching import ScheduleIndex, SessionQuery
from services.processor.schedule.read import read_schedule

TRUTH = CORPUS / "fosdem-pages/ground-truth.json"
YEAR_WITHOUT_SCHEDULE = "2017"  # its schedule here is one of the six sessions, made of their truth
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def tally(*, scheduled):
    """All pages, with the schedule of their year at hand or without."""
    truths = json.loads(TRUTH.read_text(encoding="utf-8"))
    indexes = _indexes(truths) if scheduled else {}
    result = Tally()
    for file, truth in truths.items():
        year, _, slug = file.removesuffix(".html").partition("-")
        url = f"https://fosdem.org/{year}/schedule/event/{slug}/"
        reading = read(CORPUS / "fosdem-pages/pages" / file, url)
        titles = tuple(facts.title for facts in reading.rungs.values() if facts.title)
        wish = SessionQuery(urls=(url,), titles=titles)
        page = build_page(reading, indexes[year].find(wish) if scheduled else None)
        result.compare(file, _found(session_of(page, url)), _expected(truth, scheduled=scheduled))
    return result


def _expected(truth, *, scheduled):
    expected = {
        "title": truth["title"],
        "speakers": truth["speakers"],
        "track": truth["track"],
        "room": truth["room"],
        "abstract": text_of(truth["abstract_html"]),
        "attachments": _pairs(truth["attachments"]),
        "links": _pairs(truth["links"]),
        "videos": set(truth["video"]),
    }
    if scheduled:
        scheduled_only = ("subtitle", "start", "end")  # the page shows none of them
        return expected | {name: truth[name] for name in scheduled_only}
    start, end = (datetime.fromisoformat(truth[name]) for name in ("start", "end"))
    day = WEEKDAYS[start.weekday()]
    return expected | {"start_raw": f"{day} {start:%H:%M}", "end_raw": f"{end:%H:%M}"}


def _found(front):
    return front | {
        "title": front["session"].get("title"),
        "subtitle": front["session"].get("subtitle", ""),
        "speakers": [speaker["name"] for speaker in front.get("speakers", [])],
        "abstract": front.get("abstract", ""),
        "attachments": _pairs([*front.get("slides", []), *front.get("attachments", [])]),
        "links": _pairs(front.get("links", [])),
        "videos": {video["url"] for video in front.get("videos", [])},
    }


def _pairs(items):
    return {(item["title"] or UNTITLED, item["url"]) for item in items}


def _indexes(truths):
    """The schedules of all years, read as the processor reads them."""
    years = {file.partition("-")[0] for file in truths}
    with tempfile.TemporaryDirectory() as folder:
        own = Path(folder) / "schedule.xml"
        own.write_text(_schedule(truths), encoding="utf-8")
        return {
            year: ScheduleIndex(
                read_schedule(_path(year, own), f"https://fosdem.org/{year}/schedule/xml")
            )
            for year in years
        }


def _path(year, own):
    return own if year == YEAR_WITHOUT_SCHEDULE else CORPUS / f"schedules/fosdem-{year}.xml"


def _schedule(truths):
    """A schedule of the sessions whose year has none, as FOSDEM wrote them in that year."""
    days = {}
    for file, truth in truths.items():
        if file.startswith(YEAR_WITHOUT_SCHEDULE):
            days.setdefault(truth["start"][:10], []).append(_event(file, truth))
    written = "".join(
        f'<day index="1" date="{day}"><room name="">{"".join(events)}</room></day>'
        for day, events in days.items()
    )
    return f"<schedule><conference><title>FOSDEM</title></conference>{written}</schedule>"


def _event(file, truth):
    start, end = (datetime.fromisoformat(truth[name]) for name in ("start", "end"))
    minutes = (end - start).seconds // 60
    persons = "".join(f"<person>{escape(name)}</person>" for name in truth["speakers"])
    slug = file.removesuffix(".html").partition("-")[2]
    return (
        f"<event><start>{start:%H:%M}</start><duration>{minutes // 60:02}:{minutes % 60:02}"
        f"</duration><room>{escape(truth['room'])}</room><slug>{slug}</slug>"
        f"<title>{escape(truth['title'])}</title>"
        f"<subtitle>{escape(truth['subtitle'])}</subtitle><track>{escape(truth['track'])}</track>"
        f"<persons>{persons}</persons></event>"
    )
