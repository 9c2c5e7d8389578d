"""Rung: what the job's parameters say. The last one: it fills what nobody else knows."""

from eventjob.contracts.parameters import Parameters
from services.processor.extract.document import Document, clean
from services.processor.extract.facts import Facts, Speaker
from services.processor.extract.shown import video


def read(parameters: Parameters, document: Document) -> Facts:
    """The job's own facts."""
    video_url = document.absolute(parameters.video_url or "") if parameters.video_url else None
    return Facts(
        title=clean(parameters.session) or parameters.session,
        speakers=tuple(Speaker(name) for name in map(clean, parameters.speakers) if name),
        track=clean(parameters.track),
        start_raw=_when(parameters),
        videos=(video(video_url, "recording"),) if video_url else (),
    )


def _when(parameters: Parameters) -> str | None:
    """As in ``Sunday 09:50-10:15``."""
    times = "-".join(time for time in (parameters.starttime, parameters.endtime) if time)
    return clean(f"{parameters.day or ''} {times}") or None
