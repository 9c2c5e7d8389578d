"""How much one job may fetch, as the settings say."""

from datetime import timedelta

import msgspec

from eventjob.fetch.caps import MEGABYTE, FetchCaps
from eventjob.fetch.errors import FetchFailed
from eventjob.runtime.settings import Fetch
from services.processor.extract.facts import Kind
from services.processor.files.dimensions import Size

MOST_FILES = 100
MOST_PREVIEWS = 100  # of a session
MOST_PREVIEWS_OF_A_FILE = 50
SCHEDULE_TO_PAGE = 4  # times as large: a thousand sessions have some three megabytes
SUBTITLES_BYTES = 2 * MEGABYTE
LONGEST_SIDE = 20_000  # pixels of an image that is shown
MOST_PIXELS = 100_000_000


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """The caps of a page, an image, another file, a schedule; of all files together in bytes."""

    page: FetchCaps
    image: FetchCaps
    file: FetchCaps
    schedule: FetchCaps
    job_bytes: int

    def of(self, kind: Kind, left_bytes: int) -> FetchCaps:
        """The caps of one file, where ``left_bytes`` are left of the job's."""
        caps = self.image if kind == "images" else self.file
        most_bytes = min(left_bytes, SUBTITLES_BYTES) if kind == "subtitles" else left_bytes
        return msgspec.structs.replace(
            caps,
            max_bytes=min(caps.max_bytes, most_bytes),
            max_raw_bytes=min(caps.max_raw_bytes, most_bytes),
        )


def limits(fetch: Fetch) -> Limits:
    """What the settings allow."""
    return Limits(
        page=_caps(fetch, fetch.page_bytes, fetch.page),
        image=_caps(fetch, fetch.image_bytes, fetch.page),
        file=_caps(fetch, fetch.file_bytes, fetch.file),
        schedule=_caps(fetch, SCHEDULE_TO_PAGE * fetch.page_bytes, fetch.page),
        job_bytes=fetch.job_bytes,
    )


def check_pixels(size: Size | None) -> None:
    """Nothing for an image that can be shown.

    Raises:
        FetchFailed: ``image_too_large``: whoever unpacks it needs gigabytes.
    """
    if size and (max(size) > LONGEST_SIDE or size[0] * size[1] > MOST_PIXELS):
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
