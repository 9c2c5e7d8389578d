"""What an answer's head says: go on elsewhere, come back later, or here it is."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus

import httpx2

from eventjob.domain.retry import MAX_DELAY
from eventjob.domain.urls import check_url
from eventjob.fetch.errors import FetchFailed, blocked

_REDIRECTS = {301, 302, 303, 307, 308}
_TRANSIENT = {408, 425, 429, 500, 502, 503, 504}


def parsed(url: str) -> httpx2.URL:
    """``url`` as it will be requested, without its fragment.

    Raises:
        FetchFailed: ``blocked_address``: not a form that is ever fetched.
    """
    try:
        check_url(url)
        found = httpx2.URL(url)
        return found.copy_with(fragment=None) if "#" in url else found
    except ValueError as error:
        raise blocked(str(error)) from error
    except httpx2.InvalidURL as error:
        raise blocked("the url has a host or port that cannot be read") from error


def redirect_target(answer: httpx2.Response) -> httpx2.URL | None:
    """Where to go on; None where the answer is no redirect.

    Raises:
        FetchFailed: ``blocked_address``: to something that is never fetched.
    """
    location = answer.headers.get("location")
    if answer.status_code not in _REDIRECTS or location is None:
        return None
    host = answer.request.url.host
    try:
        return parsed(str(answer.request.url.join(location)))
    except (ValueError, httpx2.InvalidURL) as error:
        raise blocked(f"{host} redirects to a url that cannot be read") from error
    except FetchFailed as error:
        raise blocked(f"{host} redirects to where nobody goes: {error}") from error


def check_status(answer: httpx2.Response) -> None:
    """Nothing for an answer that has a whole body.

    Raises:
        FetchFailed: ``http_<status>``; transient where HTTP says that it may pass.
    """
    status = answer.status_code
    if answer.is_success and status != HTTPStatus.PARTIAL_CONTENT:
        return
    raise FetchFailed(
        f"http_{status}",
        f"{answer.request.url.host} answered {status} {answer.reason_phrase}".rstrip(),
        transient=status in _TRANSIENT,
        retry_after=retry_after(answer.headers, datetime.now(UTC)),
    )


def retry_after(headers: Mapping[str, str], now: datetime) -> timedelta | None:
    """How long the server asks to wait, from 0 to an hour; None where it does not say.

    Source: RFC 9110, 10.2.3: seconds, or a date.
    """
    value = headers.get("retry-after", "").strip()
    if value.isascii() and value.isdecimal():
        return timedelta(seconds=min(int(value[:9]), MAX_DELAY.total_seconds()))
    try:
        until = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    wait = until.replace(tzinfo=until.tzinfo or UTC) - now
    return max(timedelta(), min(wait, MAX_DELAY))


def declared_type(answer: httpx2.Response) -> str:
    """The media type in lower case, without parameters; "" where none is declared."""
    value: str = answer.headers.get("content-type", "")
    return value.partition(";")[0].strip().lower()
