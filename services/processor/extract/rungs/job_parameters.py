"""Rung: facts from the job's parameters. The last one: it only fills gaps."""

from datetime import date, time

from eventjob.contracts.parameters import Parameters
from services.processor.extract.facts import Facts, Speaker
from services.processor.extract.html.document import Document, clean
from services.processor.extract.rungs.date_parsing import to_iso
from services.processor.extract.rungs.links import parameter_file
from services.processor.extract.rungs.page_rules import make_video


def read(parameters: Parameters, document: Document) -> Facts:
    """Return the job's own facts."""
    video_url = document.absolute(parameters.video_url or "") if parameters.video_url else None
    file_url = document.absolute(parameters.attachments_url) if parameters.attachments_url else None
    day = _parse_date(parameters.day)
    start, end = to_iso(day, _parse_time(parameters.starttime), _parse_time(parameters.endtime))
    return Facts(
        title=clean(parameters.session) or parameters.session,
        speakers=tuple(Speaker(name) for name in map(clean, parameters.speakers) if name),
        track=clean(parameters.track),
        start=start,
        end=end,
        start_raw=clean(f"{parameters.day or ''} {parameters.starttime or ''}") or None,
        end_raw=parameters.endtime,
        videos=(make_video(video_url, "recording"),) if video_url else (),
        files=(parameter_file(file_url),) if file_url else (),
    )


def _parse_date(day: str | None) -> date | None:
    """Parse the day if it is a date; it may be the name of a weekday."""
    try:
        return date.fromisoformat((day or "").strip())
    except ValueError:
        return None


def _parse_time(text: str | None) -> time | None:
    """Parse HH:MM, the only form that parameters may have."""
    return time.fromisoformat(text) if text else None
