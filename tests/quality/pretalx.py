"""Pages of pretalx: each field against the schedule that the same pretalx exported."""

import json
from datetime import datetime, timedelta

from corpus import CORPUS, read, session_of
from scoring import Tally

from services.processor.extract.page import build_page


def tally():
    """All pages."""
    truths = _truths()
    result = Tally()
    for path in sorted((CORPUS / "pretalx-pages").glob("*.html")):
        url = f"https://pretalx.example/democon/talk/{path.stem}/"
        front = session_of(build_page(read(path, url)), url)
        result.compare(path.stem, _found(front), truths[path.stem])
    return result


def _truths():
    schedule = json.loads((CORPUS / "schedules/pretalx.json").read_text(encoding="utf-8"))
    days = schedule["schedule"]["conference"]["days"]
    events = (event for day in days for room in day["rooms"].values() for event in room)
    return {event["code"]: _expected(event) for event in events}


def _expected(event):
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


def _found(front):
    return front | {
        "title": front["session"].get("title"),
        "speakers": [speaker["name"] for speaker in front.get("speakers", [])],
        "abstract": front.get("abstract", ""),
    }
