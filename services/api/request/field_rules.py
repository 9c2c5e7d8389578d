"""Rules for single fields. Each raises ValueError with a text for people."""

import re
from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from eventjob.contracts.parameters import Parameters
from eventjob.domain.access import EVERYONE
from eventjob.domain.ids import is_client_id
from eventjob.domain.urls import MAX_URL_LENGTH, check_url
from services.api.request.bodies import AccessBody, BatchBody, BatchJobBody, JobBody

LARGEST_PARAMETERS_BYTES = 16 * 1024  # they travel in events, which stay small
LONGEST_NAME = 1000
LONGEST_TYPE = 64
LONGEST_USER_ID = 128
MAX_USERS = 100
MAX_JOBS = 20_000  # a batch is one atomic decision
MAX_DEPTH = 32  # levels of JSON: readers recurse

Rule = Callable[[Any], None]

_CONTAINERS = frozenset({dict, list})
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
# Strict on purpose: it must match only what the full check accepts.
_PLAIN_URL = re.compile(r"https?://[a-z0-9-]{1,30}(?:\.[a-z0-9-]{1,30}){0,7}(?:/[!-\[\]-~]*)?")
_CLOCK = re.compile(r"(?:[01][0-9]|2[0-3]):[0-5][0-9]")


def check_one_line(text: str) -> None:
    """Check text of one line."""
    if not text.isprintable() and _CONTROL.search(text):
        raise ValueError("must not contain control characters")


def check_not_blank(text: str) -> None:
    """Check a required name."""
    if not text.strip():
        raise ValueError("must not be empty")
    check_one_line(text)


def check_title(text: str) -> None:
    """Check a name of a job or batch."""
    check_one_line(text)
    _check_at_most(LONGEST_NAME, "characters", len(text))


def check_type(text: str) -> None:
    """Check a job's type."""
    check_one_line(text)
    _check_at_most(LONGEST_TYPE, "characters", len(text))


def check_clock(text: str) -> None:
    """Check a time of day."""
    if not _CLOCK.fullmatch(text):
        raise ValueError("must be a time of day as HH:MM")


def check_web_url(text: str) -> None:
    """Check a web address."""
    # Plain addresses skip the full check, which costs more: a batch may have 20,000.
    if len(text) > MAX_URL_LENGTH or not _PLAIN_URL.fullmatch(text):
        check_url(text)


def check_names(texts: list[str]) -> None:
    """Check a list of names."""
    for text in texts:
        check_not_blank(text)


def check_id(text: str) -> None:
    """Check an id that a client chose."""
    if not is_client_id(text):
        raise ValueError("must be 1 to 128 characters from A-Z a-z 0-9 _ -")


def check_user_id(text: str) -> None:
    """Check a user's name."""
    check_one_line(text)
    if not 1 <= len(text) <= LONGEST_USER_ID or text == EVERYONE:  # reserved
        raise ValueError(f'must be 1 to {LONGEST_USER_ID} characters, and not "{EVERYONE}"')


def check_users(user_ids: list[str]) -> None:
    """Check a list of users."""
    _check_at_most(MAX_USERS, "users", len(user_ids))
    for name in user_ids:
        check_user_id(name)


def check_depth(value: object) -> None:
    """Check how deeply JSON is nested, level by level instead of by recursion."""
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [inner for outer in level for inner in _children(outer) if _is_container(inner)]
        if not level:
            return
    raise ValueError(f"must not be nested deeper than {MAX_DEPTH} levels")


def check_parameters(value: object) -> None:
    """Check the size of parameters, which may still be undecoded."""
    if not isinstance(value, Parameters):
        check_depth(value)
    _check_at_most(LARGEST_PARAMETERS_BYTES, "bytes of JSON", len(msgspec.json.encode(value)))


def check_webhook(value: dict[str, Any]) -> None:
    """Check a webhook's size and address."""
    check_depth(value)
    _check_at_most(LARGEST_PARAMETERS_BYTES, "bytes of JSON", len(msgspec.json.encode(value)))
    address = value.get("url")
    if not isinstance(address, str):
        raise ValueError("must have a url")  # noqa: TRY004 - ValueError is what rules raise
    check_web_url(address)


def check_job_count(value: list[object]) -> None:
    """Check the number of jobs in a batch."""
    _check_at_most(MAX_JOBS, "jobs", len(value))


def _children(value: object) -> Iterable[object]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _is_container(value: object) -> bool:
    return type(value) in _CONTAINERS


def _check_at_most(limit: int, unit: str, found: int) -> None:
    if found > limit:
        raise ValueError(f"must have at most {limit} {unit}, not {found}")


_JOB: dict[str, Rule] = {
    "parameters": check_parameters,
    "job_name": check_title,
    "job_type": check_type,
    "user_id": check_user_id,
    "webhook": check_webhook,
}
RULES: dict[type[msgspec.Struct], dict[str, Rule]] = {
    Parameters: {
        "event": check_not_blank,
        "session": check_not_blank,
        "url": check_web_url,
        "filename": check_not_blank,
        "track": check_not_blank,
        "day": check_one_line,
        "starttime": check_clock,
        "endtime": check_clock,
        "speakers": check_names,
        "extra": check_depth,
    },
    AccessBody: dict.fromkeys(("read_access", "write_access", "admin_access"), check_users),
    JobBody: _JOB | {"job_id": check_id, "batch_id": check_id},
    BatchJobBody: _JOB,
    BatchBody: {
        "jobs": check_job_count,
        "batch_name": check_title,
        "batch_id": check_id,
        "webhook": check_webhook,
        "user_id": check_user_id,
    },
}
