"""Interpret a response's head: redirect, error, pause, or content."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus

import httpx2

from eventjob.domain.retry import MAX_DELAY
from eventjob.domain.urls import check_url
from eventjob.fetch.errors import FetchFailed, blocked_address

_REDIRECTS = {301, 302, 303, 307, 308}
_TRANSIENT = {408, 425, 429, 500, 502, 503, 504}


def parse_url(url: str) -> httpx2.URL:
    """Parse ``url`` and drop its fragment; raise ``blocked_address`` if its form is refused."""
    try:
        check_url(url)
        parsed = httpx2.URL(url)
        return parsed.copy_with(fragment=None) if "#" in url else parsed
    except ValueError as error:
        raise blocked_address(str(error)) from error
    except httpx2.InvalidURL as error:
        raise blocked_address("the url has a host or port that cannot be read") from error


def redirect_target(response: httpx2.Response) -> httpx2.URL | None:
    """Return the URL that a redirect leads to, if it is one; raises as `parse_url`."""
    location = response.headers.get("location")
    if response.status_code not in _REDIRECTS or location is None:
        return None
    host = response.request.url.host
    try:
        return parse_url(str(response.request.url.join(location)))
    except (ValueError, httpx2.InvalidURL) as error:
        raise blocked_address(f"{host} redirects to a url that cannot be read") from error
    except FetchFailed as error:
        raise blocked_address(f"{host} redirects to a refused url: {error}") from error


def check_status(response: httpx2.Response) -> None:
    """Raise unless the response has a complete body.

    Raises:
        FetchFailed: ``http_<status>``; transient if the status is a temporary one.
    """
    status = response.status_code
    if response.is_success and status != HTTPStatus.PARTIAL_CONTENT:
        return
    raise FetchFailed(
        f"http_{status}",
        f"{response.request.url.host} answered {status} {response.reason_phrase}".rstrip(),
        transient=status in _TRANSIENT,
        retry_after=parse_retry_after(response.headers, datetime.now(UTC)),
    )


def parse_retry_after(headers: Mapping[str, str], now: datetime) -> timedelta | None:
    """Return how long the server asks to wait, from 0 to an hour, if it says so.

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


def declared_media_type(response: httpx2.Response) -> str:
    """Return the bare media type in lower case; "" if undeclared."""
    value: str = response.headers.get("content-type", "")
    return value.partition(";")[0].strip().lower()
