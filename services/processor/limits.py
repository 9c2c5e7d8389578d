"""How much one job may fetch, as the settings say."""

from datetime import timedelta

import msgspec

from eventjob.fetch.caps import FetchCaps
from eventjob.runtime.settings import Fetch
from services.processor.extract.facts import Kind

MOST_FILES = 100


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """The caps of a page, of an image and of another file; of all files together in bytes."""

    page: FetchCaps
    image: FetchCaps
    file: FetchCaps
    job_bytes: int

    def of(self, kind: Kind, left_bytes: int) -> FetchCaps:
        """The caps of one file, where ``left_bytes`` are left of the job's."""
        caps = self.image if kind == "images" else self.file
        return msgspec.structs.replace(
            caps,
            max_bytes=min(caps.max_bytes, left_bytes),
            max_raw_bytes=min(caps.max_raw_bytes, left_bytes),
        )


def limits(fetch: Fetch) -> Limits:
    """What the settings allow."""
    return Limits(
        page=_caps(fetch, fetch.page_bytes, fetch.page),
        image=_caps(fetch, fetch.image_bytes, fetch.page),
        file=_caps(fetch, fetch.file_bytes, fetch.file),
        job_bytes=fetch.job_bytes,
    )


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
