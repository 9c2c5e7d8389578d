"""Rung: what the job's parameters say. The last one: it fills what nobody else knows."""

from eventjob.contracts.parameters import Parameters
from services.processor.extract.document import Document, clean
from services.processor.extract.facts import Facts, Speaker
from services.processor.extract.linked import given_file
from services.processor.extract.shown import video


def read(parameters: Parameters, document: Document) -> Facts:
    """The job's own facts."""
    video_url = document.absolute(parameters.video_url or "") if parameters.video_url else None
    file_url = document.absolute(parameters.attachments_url) if parameters.attachments_url else None
    return Facts(
        title=clean(parameters.session) or parameters.session,
        speakers=tuple(Speaker(name) for name in map(clean, parameters.speakers) if name),
        track=clean(parameters.track),
        start_raw=clean(f"{parameters.day or ''} {parameters.starttime or ''}") or None,
        end_raw=parameters.endtime,
        videos=(video(video_url, "recording"),) if video_url else (),
        files=(given_file(file_url),) if file_url else (),
    )
