"""Open the store that EVENTJOB_ARTIFACTS_URL names; report problems at start, in one line."""

import asyncio
import re
from datetime import timedelta
from typing import TYPE_CHECKING

from obstore.exceptions import BaseError
from obstore.store import LocalStore, S3Store

from eventjob.artifacts import disk
from eventjob.artifacts.faults import ArtifactsUnavailable, first_line
from eventjob.artifacts.store import Artifacts
from eventjob.runtime.lifecycle import CannotStart
from eventjob.runtime.setting_reader import SettingsError, mask_secrets

if TYPE_CHECKING:
    from obstore.store import RetryConfig

ANSWERS_WITHIN_S = 15.0
_RETRIES: "RetryConfig" = {"max_retries": 3, "retry_timeout": timedelta(seconds=30)}
_REFUSAL = re.compile(r"<Code>(\w+)</Code>(?:<Message>([^<]*))?")
_CAUSE = re.compile(r'\b(?:message|error): "([^"]+)"')
_HOST = re.compile(r"\bhttps?://[^/\s?]+")
_ROLES = "http://169.254.169.254"  # obstore asks a cloud machine's role if it has no credentials


def open_artifacts(url: str) -> Artifacts:
    """Open ``file:///absolute/folder``, created if missing, or ``s3://bucket/prefix``.

    Credentials, region and endpoint of S3 come from the usual ``AWS_*`` variables.

    Raises:
        SettingsError: the setting is wrong.
    """
    try:
        return Artifacts(_open(url))
    except (BaseError, OSError, ValueError) as error:
        raise SettingsError(_setting_error(url, first_line(error))) from error


async def reach_artifacts(url: str) -> Artifacts:
    """Open the store like `open_artifacts`, and check that it answers.

    Raises:
        SettingsError: the setting or one of the ``AWS_*`` variables is wrong.
        CannotStart: the store does not answer for now.
    """
    artifacts = open_artifacts(url)
    try:
        async with asyncio.timeout(ANSWERS_WITHIN_S):
            await artifacts.check()
    except TimeoutError as error:
        raise CannotStart(
            _setting_error(url, f"no answer within {ANSWERS_WITHIN_S:.0f} s")
        ) from error
    except ArtifactsUnavailable as error:
        cause = str(error.__cause__)
        if (wrong := _explain_refusal(cause)) is not None:
            raise SettingsError(_setting_error(url, wrong)) from error
        raise CannotStart(_setting_error(url, _explain_silence(cause) or str(error))) from error
    return artifacts


def _open(url: str) -> LocalStore | S3Store:
    if url.startswith("s3://"):
        return S3Store.from_url(url, retry_config=_RETRIES)
    store = LocalStore.from_url(url, mkdir=True) if url.startswith("file:///") else None
    if store is None or store.prefix is None:
        raise ValueError("expected file:///absolute/folder or s3://bucket/prefix")
    disk.prepare_folder(store.prefix)
    return store


def _setting_error(url: str, why: str) -> str:
    return f"EVENTJOB_ARTIFACTS_URL is {mask_secrets(url)!r}: {why}"


def _explain_refusal(cause: str) -> str | None:
    """Return what the operator must fix, if it is a matter of settings."""
    first = cause.partition("\n")[0]
    if _ROLES in first:
        return "no credentials: expected AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
    if "builder error" in first:
        return "expected https://host in AWS_ENDPOINT_URL, or http:// beside AWS_ALLOW_HTTP=true"
    refusal = _REFUSAL.search(cause)
    if refusal is None or "status code: 5" in first:
        return None
    return f"the server says {refusal[1]}: {refusal[2] or 'no reason given'}"


def _explain_silence(cause: str) -> str | None:
    host, why = _HOST.search(cause), _CAUSE.search(cause)
    if host is None or why is None:
        return None
    return f"{host[0]} does not answer: {why[1]}"
