"""What single fields must look like. Each rule raises ValueError, with a text for people."""

import re
from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from eventjob.contracts.parameters import Parameters
from eventjob.domain.access import EVERYONE
from eventjob.domain.ids import is_client_id
from eventjob.domain.urls import MAX_URL_LENGTH, check_url
from services.api.request.bodies import AccessBody, BatchBody, BatchJobBody, JobBody

LARGEST_PARAMETERS_BYTES = 16 * 1024
LONGEST_NAME = 1000
LONGEST_TYPE = 64
LONGEST_USER_ID = 128
MOST_USERS = 100
MOST_JOBS = 20_000
DEEPEST = 32  # levels of JSON

Rule = Callable[[Any], None]

_CONTAINERS = frozenset({dict, list})
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_PLAIN_URL = re.compile(r"https?://[a-z0-9-]{1,30}(?:\.[a-z0-9-]{1,30}){0,7}(?:/[!-\[\]-~]*)?")
_CLOCK = re.compile(r"(?:[01][0-9]|2[0-3]):[0-5][0-9]")


def plain(text: str) -> None:
    """Text of one line."""
    if not text.isprintable() and _CONTROL.search(text):
        raise ValueError("must not contain control characters")


def filled(text: str) -> None:
    """A name that is there."""
    if not text.strip():
        raise ValueError("must not be empty")
    plain(text)


def title(text: str) -> None:
    """Text of one line, not too long."""
    plain(text)
    _at_most(LONGEST_NAME, "characters", len(text))


def kind(text: str) -> None:
    """A job's type."""
    plain(text)
    _at_most(LONGEST_TYPE, "characters", len(text))


def clock(text: str) -> None:
    """A time of day."""
    if not _CLOCK.fullmatch(text):
        raise ValueError("must be a time of day as HH:MM")


def url(text: str) -> None:
    """A web address. The plainest are told at a glance: a batch may have 20,000."""
    if len(text) > MAX_URL_LENGTH or not _PLAIN_URL.fullmatch(text):
        check_url(text)


def names(texts: list[str]) -> None:
    """Names that are there."""
    for text in texts:
        filled(text)


def chosen_id(text: str) -> None:
    """An id that a client may choose."""
    if not is_client_id(text):
        raise ValueError("must be 1 to 128 characters out of A-Z a-z 0-9 _ -")


def user_id(text: str) -> None:
    """A user; nobody may be called what the access rule calls everyone."""
    plain(text)
    if not 1 <= len(text) <= LONGEST_USER_ID or text == EVERYONE:
        raise ValueError(f'must be 1 to {LONGEST_USER_ID} characters, and not "{EVERYONE}"')


def users(user_ids: list[str]) -> None:
    """A list of users."""
    _at_most(MOST_USERS, "users", len(user_ids))
    for name in user_ids:
        user_id(name)


def nested(value: object) -> None:
    """JSON that nobody needs deep recursion to read."""
    level = [value]
    for _ in range(DEEPEST):
        level = [inner for outer in level for inner in _inside(outer) if _holds(inner)]
        if not level:
            return
    raise ValueError(f"must not be nested deeper than {DEEPEST} levels")


def parameters(value: object) -> None:
    """Parameters, or what is meant to be some: small enough for an event."""
    if not isinstance(value, Parameters):
        nested(value)
    _at_most(LARGEST_PARAMETERS_BYTES, "bytes of JSON", len(msgspec.json.encode(value)))


def webhook(value: dict[str, Any]) -> None:
    """Where a webhook goes."""
    nested(value)
    _at_most(LARGEST_PARAMETERS_BYTES, "bytes of JSON", len(msgspec.json.encode(value)))
    address = value.get("url")
    if not isinstance(address, str):
        raise ValueError("must have a url")  # noqa: TRY004 - ValueError is what rules raise
    url(address)


def jobs(value: list[object]) -> None:
    """As many jobs as one request may bring."""
    _at_most(MOST_JOBS, "jobs", len(value))


def _inside(value: object) -> Iterable[object]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _holds(value: object) -> bool:
    return type(value) in _CONTAINERS


def _at_most(most: int, of_what: str, found: int) -> None:
    if found > most:
        raise ValueError(f"must have at most {most} {of_what}, not {found}")


_JOB: dict[str, Rule] = {
    "parameters": parameters,
    "job_name": title,
    "job_type": kind,
    "user_id": user_id,
    "webhook": webhook,
}
RULES: dict[type[msgspec.Struct], dict[str, Rule]] = {
    Parameters: {
        "event": filled,
        "session": filled,
        "url": url,
        "filename": filled,
        "track": filled,
        "day": plain,
        "starttime": clock,
        "endtime": clock,
        "speakers": names,
        "extra": nested,
    },
    AccessBody: dict.fromkeys(("read_access", "write_access", "admin_access"), users),
    JobBody: _JOB | {"job_id": chosen_id, "batch_id": chosen_id},
    BatchJobBody: _JOB,
    BatchBody: {
        "jobs": jobs,
        "batch_name": title,
        "batch_id": chosen_id,
        "webhook": webhook,
        "user_id": user_id,
    },
}
