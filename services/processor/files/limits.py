"""Limits of one job's downloads, from the settings."""

from datetime import timedelta

import msgspec

from eventjob.fetch.caps import MEGABYTE, FetchCaps
from eventjob.fetch.errors import FetchFailed
from eventjob.runtime.settings import Fetch
from services.processor.extract.facts import Kind
from services.processor.files.dimensions import Size

MAX_FILES = 100  # each is a line in the session's event
MAX_PREVIEWS = 100  # of a session
MAX_PREVIEWS_PER_FILE = 50
SCHEDULE_FACTOR = 4  # of a page's limit: a thousand sessions take some 3 MB
SUBTITLES_BYTES = 2 * MEGABYTE
MAX_SIDE = 20_000  # pixels
MAX_PIXELS = 100_000_000  # decoding more takes a viewer gigabytes


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Caps of a page, an image, another file, a schedule; and the bytes of all files together."""

    page: FetchCaps
    image: FetchCaps
    file: FetchCaps
    schedule: FetchCaps
    job_bytes: int

    def caps_for(self, kind: Kind, left_bytes: int) -> FetchCaps:
        """Return the caps of one file, with ``left_bytes`` left of the job's."""
        caps = self.image if kind == "images" else self.file
        max_bytes = min(left_bytes, SUBTITLES_BYTES) if kind == "subtitles" else left_bytes
        return msgspec.structs.replace(
            caps,
            max_bytes=min(caps.max_bytes, max_bytes),
            max_raw_bytes=min(caps.max_raw_bytes, max_bytes),
        )


def limits_from_settings(fetch: Fetch) -> Limits:
    """Build the limits from the settings."""
    return Limits(
        page=_caps(fetch, fetch.page_bytes, fetch.page),
        image=_caps(fetch, fetch.image_bytes, fetch.page),
        file=_caps(fetch, fetch.file_bytes, fetch.file),
        schedule=_caps(fetch, SCHEDULE_FACTOR * fetch.page_bytes, fetch.page),
        job_bytes=fetch.job_bytes,
    )


def check_pixels(size: Size | None) -> None:
    """Raise `FetchFailed` ``image_too_large`` unless the image can be shown."""
    if size and (max(size) > MAX_SIDE or size[0] * size[1] > MAX_PIXELS):
        raise FetchFailed("image_too_large", f"{size[0]} x {size[1]} pixels")


def _caps(fetch: Fetch, size_bytes: int, total: timedelta) -> FetchCaps:
    return FetchCaps(
        max_bytes=size_bytes,
        max_raw_bytes=size_bytes,
        connect=fetch.connect,
        read=fetch.read,
        total=total,
        redirects=fetch.redirects,
        ratio=fetch.ratio,
    )
