"""A client of the api, in this process, in front of a deployment in memory."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
from fakes_api import SITE, Deployment, as_user, job_body

from eventjob.runtime.disk_space import DiskSpace
from services.api.app import create_app
from services.api.context import Context, Options


class Api(httpx2.AsyncClient):
    """A client of the api, which expects answers of a status; its base address is the API's."""

    async def ask(
        self, method: str, path: str, status: int = 200, user: str | None = None, **more: Any
    ) -> Any:
        """The answer's JSON."""
        headers = as_user(user) | more.pop("headers", {})
        answer = await self.request(method, path, headers=headers, **more)
        assert answer.status_code == status, (method, path, answer.text)
        return answer.json()

    async def got(self, path: str, status: int = 200, **more: Any) -> Any:
        return await self.ask("GET", path, status, **more)

    async def sent(self, path: str, body: Any = None, status: int = 200, **more: Any) -> Any:
        return await self.ask("POST", path, status, json=body, **more)

    async def deleted(self, path: str, status: int = 200, **more: Any) -> Any:
        return await self.ask("DELETE", path, status, **more)

    async def new_job(self, job_id: str, **more: Any) -> Any:
        return (await self.sent("/jobs", job_body(job_id=job_id, **more), 201))["job"]

    async def new_batch(
        self, batch_id: str, jobs: int = 1, user: str | None = None, **more: Any
    ) -> Any:
        body = {"batch_id": batch_id, "jobs": [job_body()] * jobs, **more}
        return await self.sent("/batches", body, 201, user=user)


def context_of(deployment: Deployment, free_bytes: int = 1_000_000, **options: Any) -> Context:
    """What the api stands on in front of a deployment, whose disk has room for 1,000 bytes."""
    return Context(
        commands=deployment,
        history=deployment,
        projection=deployment,
        store=deployment,  # type: ignore[arg-type]  # the api only reads
        artifacts=deployment.blobs,
        space=DiskSpace(Path(), 1000, free_bytes=lambda _folder: free_bytes),
        options=Options(**options),
    )


@asynccontextmanager
async def client_of(
    deployment: Deployment, user: str | None = None, **options: Any
) -> AsyncIterator[Api]:
    """A client of the api in front of a deployment; requests are ``user``'s unless they say so."""
    app = create_app(context_of(deployment, **options))
    transport = httpx2.ASGITransport(app, raise_app_exceptions=False)
    url = f"{SITE}/api/event-job"
    async with Api(transport=transport, base_url=url, headers=as_user(user)) as client:
        yield client
