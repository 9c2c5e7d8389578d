"""What clients may send: the bodies' shapes, which are also their documentation.

Fields that are null count as absent, unknown ones are ignored, and unknown parameters are kept
in ``extra``.
"""

from typing import Any, Literal

import msgspec

from eventjob.contracts.parameters import Parameters


class Body(msgspec.Struct, frozen=True, kw_only=True):
    """Base of what is sent."""


class AccessBody(Body, frozen=True, kw_only=True):
    """Who besides the owner may read or change it; absent lists hold the owner."""

    visibility: Literal["private", "public"] = "private"
    read_access: list[str] | None = None
    write_access: list[str] | None = None
    admin_access: list[str] | None = None


class JobBody(Body, frozen=True, kw_only=True):
    """A job; with ``batch_id`` one more job of a batch that exists."""

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
    """A job of a batch; ``user_id`` can only be the batch's."""

    parameters: Parameters
    job_name: str | None = None
    job_type: str = ""
    user_id: str | None = None
    webhook: dict[str, Any] | None = None


class BatchBody(Body, frozen=True, kw_only=True):
    """A batch of at most 20,000 jobs; its webhook is for all jobs that have none."""

    jobs: list[BatchJobBody]
    batch_name: str | None = None
    batch_id: str | None = None
    webhook: dict[str, Any] | None = None
    user_id: str | None = None
    use_cache: bool | None = None
    access_control: AccessBody = AccessBody()


class ActiveBody(Body, frozen=True, kw_only=True):
    """Sets ``isActive``, by that name too; without either the batch is flipped."""

    active: bool | None = None
    is_active: bool | None = msgspec.field(default=None, name="isActive")


class ArchivedBody(Body, frozen=True, kw_only=True):
    """False takes the batch back."""

    archived: bool = True


class FailAllBody(Body, frozen=True, kw_only=True):
    """True counts without doing."""

    dry_run: bool = False
