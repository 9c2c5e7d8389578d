"""Request bodies. Their docstrings are the descriptions in the OpenAPI document.

A null field counts as absent; unknown fields are ignored; unknown parameters go into ``extra``.
"""

from typing import Any, Literal

import msgspec

from eventjob.contracts.parameters import Parameters


class Body(msgspec.Struct, frozen=True, kw_only=True):
    """Base of all request bodies."""


class AccessBody(Body, frozen=True, kw_only=True):
    """Users who may read or change an object. A missing list defaults to the owner alone."""

    visibility: Literal["private", "public"] = "private"
    read_access: list[str] | None = None
    write_access: list[str] | None = None
    admin_access: list[str] | None = None


class JobBody(Body, frozen=True, kw_only=True):
    """A job to submit; ``batch_id`` adds it to an existing batch."""

    parameters: Parameters
    job_name: str | None = None
    job_type: str = ""
    user_id: str | None = None
    use_cache: bool | None = None
    webhook: dict[str, Any] | None = None
    job_id: str | None = None
    batch_id: str | None = None
    access_control: AccessBody = AccessBody()


class BatchJobBody(Body, frozen=True, kw_only=True):
    """A job of a batch; its ``user_id`` must be the batch's."""

    parameters: Parameters
    job_name: str | None = None
    job_type: str = ""
    user_id: str | None = None
    webhook: dict[str, Any] | None = None


class BatchBody(Body, frozen=True, kw_only=True):
    """A batch of up to 20,000 jobs. Its webhook is the default for its jobs."""

    jobs: list[BatchJobBody]
    batch_name: str | None = None
    batch_id: str | None = None
    webhook: dict[str, Any] | None = None
    user_id: str | None = None
    use_cache: bool | None = None
    access_control: AccessBody = AccessBody()


class ActiveBody(Body, frozen=True, kw_only=True):
    """Pauses (false) or resumes (true) a batch; an empty body toggles."""

    active: bool | None = None
    # The field's name in responses is accepted too.
    is_active: bool | None = msgspec.field(default=None, name="isActive")


class ArchivedBody(Body, frozen=True, kw_only=True):
    """Archives a batch (true), or unarchives it (false)."""

    archived: bool = True


class FailAllBody(Body, frozen=True, kw_only=True):
    """Fails unfinished jobs; ``dry_run`` only counts the batches."""

    dry_run: bool = False
