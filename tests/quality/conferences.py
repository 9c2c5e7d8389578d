"""Pages of FOSDEM and of pretalx: each field against what the pages were made of."""

import tempfile
from datetime import datetime, timedelta
from pathlib import Path
from xml.sax.saxutils import escape

from corpus import CORPUS, Tally, loaded, read, session_of, text_of, titled

from services.processor.extract.page import build_page
from services.processor.schedule.matching import ScheduleIndex, SessionQuery
from services.processor.schedule.read import read_schedule

YEAR_WITHOUT_SCHEDULE = "2017"  # its schedule here is one of the six sessions, made of their truth
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def fosdem(*, scheduled):
    """All pages of FOSDEM, with the schedule of their year at hand or without."""
    truths = loaded("fosdem-pages/ground-truth.json")
    indexes = _indexes(truths) if scheduled else {}
    result = Tally()
    for file, truth in truths.items():
        year, _, slug = file.removesuffix(".html").partition("-")
        url = f"https://fosdem.org/{year}/schedule/event/{slug}/"
        reading = read(CORPUS / "fosdem-pages/pages" / file, url)
        titles = tuple(facts.title for facts in reading.rungs.values() if facts.title)
        wish = SessionQuery(urls=(url,), titles=titles)
        page = build_page(reading, indexes[year].find(wish) if scheduled else None)
        result.compare(file, session_of(page, url), _of_fosdem(truth, scheduled=scheduled))
    return result


def pretalx():
    """All pages of pretalx, by the schedule that the same pretalx exported."""
    days = loaded("schedules/pretalx.json")["schedule"]["conference"]["days"]
    events = [event for day in days for room in day["rooms"].values() for event in room]
    truths = {event["code"]: _of_pretalx(event) for event in events}
    result = Tally()
    for path in sorted((CORPUS / "pretalx-pages").glob("*.html")):
        url = f"https://pretalx.example/democon/talk/{path.stem}/"
        result.compare(path.stem, session_of(build_page(read(path, url)), url), truths[path.stem])
    return result


def _of_fosdem(truth, *, scheduled):
    expected = {name: truth[name] for name in ("title", "speakers", "track", "room")} | {
        "abstract": text_of(truth["abstract_html"]),
        "attachments": titled(truth["attachments"]),
        "links": titled(truth["links"]),
        "videos": set(truth["video"]),
    }
    if scheduled:
        scheduled_only = ("subtitle", "start", "end")  # the page shows none of them
        return expected | {name: truth[name] for name in scheduled_only}
    start, end = _times(truth)
    day = WEEKDAYS[start.weekday()]
    return expected | {"start_raw": f"{day} {start:%H:%M}", "end_raw": f"{end:%H:%M}"}


def _of_pretalx(event):
    start = datetime.fromisoformat(event["date"])
    hours, minutes = map(int, event["duration"].split(":"))
    return {
        "title": event["title"],
        "speakers": [person["public_name"] for person in event["persons"]],
        "room": event["room"],
        "start": start.isoformat(),
        "end": (start + timedelta(hours=hours, minutes=minutes)).isoformat(),
        "abstract": " ".join((event["abstract"] or "").split()),
    }


def _times(truth):
    return [datetime.fromisoformat(truth[name]) for name in ("start", "end")]


def _indexes(truths):
    """The schedules of all years, read as the processor reads them."""
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        own = Path(folder) / "schedule.xml"
        own.write_text(_schedule(truths), encoding="utf-8")
        for year in {file.partition("-")[0] for file in truths}:
            path = CORPUS / f"schedules/fosdem-{year}.xml"
            url = f"https://fosdem.org/{year}/schedule/xml"
            schedule = read_schedule(own if year == YEAR_WITHOUT_SCHEDULE else path, url)
            found[year] = ScheduleIndex(schedule)
    return found


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
    start, end = _times(truth)
    minutes = (end - start).seconds // 60
    persons = "".join(f"<person>{escape(name)}</person>" for name in truth["speakers"])
    fields = {
        "start": f"{start:%H:%M}",
        "duration": f"{minutes // 60:02}:{minutes % 60:02}",
        "slug": file.removesuffix(".html").partition("-")[2],
        **{name: escape(truth[name]) for name in ("room", "title", "subtitle", "track")},
        "persons": persons,
    }
    return f"<event>{''.join(f'<{tag}>{value}</{tag}>' for tag, value in fields.items())}</event>"
