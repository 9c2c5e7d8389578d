"""From a body that is right to what the command carries."""

import re
from functools import lru_cache
from typing import Any

import msgspec
from starlette.requests import Request

from eventjob.contracts.base import NULL, JobSpec
from services.api.request.bodies import BatchBody, BatchJobBody, JobBody
from services.api.request.field_rules import LONGEST_NAME
from services.api.response.errors import invalid

_TRUTH = {"true": True, "1": True, "false": False, "0": False}
_AUTHORITY = re.compile(r"(https?)://([^/?#]*)", re.IGNORECASE)
_DEFAULT_PORT = {"http": re.compile(r":0*(?:80)?\Z"), "https": re.compile(r":0*(?:443)?\Z")}

_encode = msgspec.json.Encoder().encode


def use_cache_header(request: Request) -> bool | None:
    """What X-Use-Cache says.

    Raises:
        Problem: neither true nor false.
    """
    sent = request.headers.get("x-use-cache")
    if sent is None:
        return None
    if sent.lower() not in _TRUTH:
        raise invalid("X-Use-Cache", "must be true, false, 1 or 0")
    return _TRUTH[sent.lower()]


def spread_use_cache(body: object, *, header: bool | None) -> None:
    """Put the decoded body's ``use_cache``, else the header's, into parameters that have none."""
    if not isinstance(body, dict):
        return
    sent = body.get("use_cache")
    use_cache = header if sent is None else sent
    if not isinstance(use_cache, bool):
        return
    jobs = body.get("jobs", [body])
    for job in jobs if isinstance(jobs, list) else []:
        parameters = job.get("parameters") if isinstance(job, dict) else None
        if isinstance(parameters, dict) and parameters.get("use_cache") is None:
            parameters["use_cache"] = use_cache


def job_spec(body: JobBody | BatchJobBody, webhook: msgspec.Raw = NULL) -> JobSpec:
    """The job as it is accepted; ``webhook`` is for one that has none."""
    known = body.parameters
    default_name = f"{known.event} - {known.track} - {known.session}"[:LONGEST_NAME]
    return JobSpec(
        parameters=msgspec.Raw(_encode(known)),
        host=host_of(known.url),
        job_name=named(body.job_name, default_name),
        job_type=body.job_type,
        webhook=webhook if body.webhook is None else webhook_of(body.webhook),
    )


def job_specs(body: BatchBody) -> list[JobSpec]:
    """A batch's jobs."""
    webhook = webhook_of(body.webhook)
    return [job_spec(job, webhook) for job in body.jobs]


def named(sent: str | None, default: str) -> str:
    """The name that was sent, unless it is blank."""
    return default if sent is None or not sent.strip() else sent


def webhook_of(sent: dict[str, Any] | None) -> msgspec.Raw:
    """A webhook without its headers: these carry secrets."""
    if sent is None:
        return NULL
    kept = {name: value for name, value in sent.items() if name.lower() != "headers"}
    return msgspec.Raw(_encode(kept))


def host_of(url: str) -> str:
    """The host of a checked address in lower case, with its port unless that is the default."""
    found = _AUTHORITY.match(url)
    if found is None:
        raise ValueError(f"not a checked address: {url!r}")
    return _without_default_port(found[1].lower(), found[2].lower())


@lru_cache(maxsize=1024)
def _without_default_port(scheme: str, authority: str) -> str:
    return _DEFAULT_PORT[scheme].sub("", authority)
