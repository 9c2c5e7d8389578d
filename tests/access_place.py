"""A deployment in memory with objects of one owner, asked by callers of every kind."""

import itertools
from contextlib import asynccontextmanager

from access_table import ACCESS, MISSING, OPERATION, About, bearer, request_of, write_keys
from api_client import client_of
from fakes import QuietLog
from fakes_api import SITE, Deployment, as_user, job_body

from eventjob.runtime.setting_types import Rate
from services.api.access.authenticate import KeyPolicy
from services.api.access.keys import KeyRing

ERRORS = {401: "unauthenticated", 403: "permission_denied", 404: "not_found"}
OFTEN = Rate(100_000, 1)
URL = "https://conf.example/"


class Place:
    """A deployment in memory. ``keys`` holds a key for each caller, where keys are in use."""

    def __init__(self, deployment, client, keys):
        self.deployment, self.client, self.keys = deployment, client, keys
        self.kept = {}
        self._numbers = itertools.count()

    def as_caller(self, name):
        if name == "nobody":
            return {}
        return bearer(self.keys[name]) if self.keys else as_user(name)

    async def new(self, of, batch_id=None):
        """A batch of one job, of the owner's."""
        batch_id = batch_id or f"m{next(self._numbers)}"
        access = ACCESS | {"visibility": of}
        body = {"batch_id": batch_id, "jobs": [job_body()], "access_control": access}
        answer = await self.client.post("/batches", json=body, headers=self.as_caller("owner"))
        assert answer.status_code == 201, answer.text
        return About(answer.json()["job_ids"][0], batch_id)

    async def keep(self, of):
        """One that is done, with its ZIP."""
        made = self.kept[of] = await self.new(of, f"done-{of}")
        await self.deployment.complete(made.job_id, ("E/T/done.md", "text/markdown", b"#"))
        await self.client.get(
            f"/batches/{made.batch_id}/download-archive", headers=self.as_caller("owner")
        )
        await self.deployment.pack(f"b-{made.batch_id}", b"PK")

    async def object_of(self, row):
        """What the row's request is about: one of its own where it may change."""
        if row.of not in {"private", "public"}:
            return MISSING
        is_read = OPERATION[row.operation].method == "GET"
        return self.kept[row.of] if is_read else await self.new(row.of)

    async def ask(self, row, headers):
        """The answer to the row's request; a GET is a HEAD first, with the same status."""
        method, path, body = request_of(row, await self.object_of(row), URL)
        answer = await self.client.request(method, SITE + path, json=body, headers=headers)
        if method == "GET":
            head = await self.client.head(SITE + path, headers=headers)
            assert head.status_code == answer.status_code, path
        return answer

    async def wrong(self, row, headers, status, who):
        """What is not as it should be; nothing where all is well."""
        answer = await self.ask(row, headers)
        code = answer.json()["error_type"] if answer.status_code >= 400 else None
        found = answer.status_code, code
        return [] if found == (status, ERRORS.get(status)) else [(str(row), who, status, found)]


@asynccontextmanager
async def place(folder, *, with_keys=False, **options):
    keys, deployment = {}, Deployment()
    if with_keys:
        keys = write_keys(folder / "keys")
        ring = KeyRing(folder / "keys", QuietLog())
        options["key_policy"] = KeyPolicy(ring, OFTEN, options.pop("anonymous_reads", True))
    async with client_of(deployment, **options) as client:
        there = Place(deployment, client, keys)
        for of in ("private", "public"):
            await there.keep(of)
        yield there
