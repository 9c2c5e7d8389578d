"""The stores that a projection can be kept in, and documents to put there."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import mongo_server
import msgspec
import pytest

from eventjob.contracts.base import LogLine
from eventjob.domain.access import private_access
from eventjob.projection.fold_job import position
from eventjob.projection.open_store import open_store
from eventjob.projection.read_model import BatchDocument, JobDocument
from eventjob.projection.store import Store

STORES = ("sqlite", pytest.param(mongo_server.KIND, marks=mongo_server.needs_mongo))
BEGINNING = datetime(2030, 1, 1, tzinfo=UTC)


def store_url(kind: str, folder: Path) -> str:
    """The setting for a store of this kind."""
    if kind == "sqlite":
        return f"sqlite://{folder}/projection.db"
    return mongo_server.url_for(folder)


@asynccontextmanager
async def opened(kind: str, folder: Path) -> AsyncIterator[Store]:
    """A store of this kind; it is empty, and the same one for the same folder."""
    store = open_store(store_url(kind, folder))
    try:
        yield store
    finally:
        await store.close()


def at(second: int) -> datetime:
    return BEGINNING + timedelta(seconds=second)


def job(number: int, **changes: Any) -> JobDocument:
    """A job alone, created by event ``number``; its owner decides its access if nothing else."""
    owner = changes.get("owner", "ann")
    fields = {
        "job_id": f"job-{number}",
        "group": f"j-job-{number}",
        "n": 1,
        "sequence": number,
        "position": position(number),
        "status": "pending",
        "created_at": at(number),
        "updated_at": at(number),
        "job_name": "FOSDEM - Main - Größe 你好 🎉",
        "parameters": msgspec.Raw(b'{"event":"FOSDEM"}'),
        "owner": owner,
        "access": private_access(owner),
        "log": [LogLine(timestamp=at(number), level="info", message="submitted")],
    }
    return JobDocument(**(fields | changes))


def batch_job(n: int, number: int, name: str = "x", **changes: Any) -> JobDocument:
    """Job ``n`` of a batch."""
    of_batch = {"job_id": f"job-{name}.{n}", "group": f"b-{name}", "batch_id": f"batch-{name}"}
    return job(number, n=n, **(of_batch | {"position": position(number, n)} | changes))


def batch(name: str, number: int, **changes: Any) -> BatchDocument:
    owner = changes.get("owner", "ann")
    fields = {
        "batch_id": f"batch-{name}",
        "group": f"b-{name}",
        "sequence": number,
        "position": position(number),
        "batch_name": name,
        "status": "processing",
        "created_at": at(number),
        "updated_at": at(number),
        "owner": owner,
        "access": private_access(owner),
        "states": "prcfd",
    }
    return BatchDocument(**(fields | changes))
