"""Build the parts of a command from a validated body."""

import re
from functools import lru_cache
from typing import Any

import msgspec
from starlette.requests import Request

from eventjob.contracts.base import NULL, JobSpec
from services.api.request.bodies import BatchBody, BatchJobBody, JobBody
from services.api.request.field_rules import LONGEST_NAME
from services.api.response.errors import invalid_field

_TRUTH = {"true": True, "1": True, "false": False, "0": False}
_AUTHORITY = re.compile(r"(https?)://([^/?#]*)", re.IGNORECASE)
# A port may have leading zeros, or be empty.
_DEFAULT_PORT = {"http": re.compile(r":0*(?:80)?\Z"), "https": re.compile(r":0*(?:443)?\Z")}

_encode = msgspec.json.Encoder().encode


def read_use_cache_header(request: Request) -> bool | None:
    """Read X-Use-Cache; raise ``validation_error`` for other values than true and false."""
    value = request.headers.get("x-use-cache")
    if value is None:
        return None
    if value.lower() not in _TRUTH:
        raise invalid_field("X-Use-Cache", "must be true, false, 1 or 0")
    return _TRUTH[value.lower()]


def spread_use_cache(body: object, *, header: bool | None) -> None:
    """Fill in missing ``use_cache`` parameters: from the decoded body, else from the header."""
    if not isinstance(body, dict):
        return
    use_cache = body.get("use_cache")
    use_cache = header if use_cache is None else use_cache
    if not isinstance(use_cache, bool):
        return
    jobs = body.get("jobs", [body])
    for job in jobs if isinstance(jobs, list) else []:
        parameters = job.get("parameters") if isinstance(job, dict) else None
        if isinstance(parameters, dict) and parameters.get("use_cache") is None:
            parameters["use_cache"] = use_cache


def build_job_spec(body: JobBody | BatchJobBody, webhook: msgspec.Raw = NULL) -> JobSpec:
    """Build the accepted job; ``webhook`` is the default."""
    known = body.parameters
    default_name = f"{known.event} - {known.track} - {known.session}"[:LONGEST_NAME]
    return JobSpec(
        parameters=msgspec.Raw(_encode(known)),
        host=parse_host(known.url),  # the scheduler leaves parameters encoded
        job_name=name_or_default(body.job_name, default_name),
        job_type=body.job_type,
        webhook=webhook if body.webhook is None else encode_webhook(body.webhook),
    )


def build_job_specs(body: BatchBody) -> list[JobSpec]:
    """Build the jobs of a batch."""
    webhook = encode_webhook(body.webhook)
    return [build_job_spec(job, webhook) for job in body.jobs]


def name_or_default(name: str | None, default: str) -> str:
    """Return the name, or the default if it is absent or blank."""
    return default if name is None or not name.strip() else name


def encode_webhook(webhook: dict[str, Any] | None) -> msgspec.Raw:
    """Encode a webhook, its headers removed."""
    if webhook is None:
        return NULL
    # Headers may hold secrets, which must not get into the log of events.
    public = {name: value for name, value in webhook.items() if name.lower() != "headers"}
    return msgspec.Raw(_encode(public))


def parse_host(url: str) -> str:
    """Return the host of a valid address in lower case, with a port other than the default."""
    match = _AUTHORITY.match(url)
    if match is None:
        raise ValueError(f"not a valid address: {url!r}")
    return _without_default_port(match[1].lower(), match[2].lower())


@lru_cache(maxsize=1024)  # a batch has many jobs but few hosts
def _without_default_port(scheme: str, authority: str) -> str:
    return _DEFAULT_PORT[scheme].sub("", authority)
