"""Rung: what the job's parameters say. The last one: it fills what nobody else knows."""

from datetime import date, time

from eventjob.contracts.parameters import Parameters
from services.processor.extract.facts import Facts, Speaker
from services.processor.extract.html.document import Document, clean
from services.processor.extract.rungs.date_parsing import at
from services.processor.extract.rungs.links import given_file
from services.processor.extract.rungs.page_rules import video


def read(parameters: Parameters, document: Document) -> Facts:
    """The job's own facts."""
    video_url = document.absolute(parameters.video_url or "") if parameters.video_url else None
    file_url = document.absolute(parameters.attachments_url) if parameters.attachments_url else None
    day = _date(parameters.day)
    start, end = at(day, _time(parameters.starttime), _time(parameters.endtime))
    return Facts(
        title=clean(parameters.session) or parameters.session,
        speakers=tuple(Speaker(name) for name in map(clean, parameters.speakers) if name),
        track=clean(parameters.track),
        start=start,
        end=end,
        start_raw=clean(f"{parameters.day or ''} {parameters.starttime or ''}") or None,
        end_raw=parameters.endtime,
        videos=(video(video_url, "recording"),) if video_url else (),
        files=(given_file(file_url),) if file_url else (),
    )


def _date(day: str | None) -> date | None:
    """The day, where it is a date and not the name of a weekday."""
    try:
        return date.fromisoformat((day or "").strip())
    except ValueError:
        return None


def _time(said: str | None) -> time | None:
    """HH:MM, which is what parameters are allowed to say."""
    return time.fromisoformat(said) if said else None
