"""What integration tests share: a deployment in memory, a machine on a real server, one store."""

import pytest
from api_client import client_of
from bus_users import Users, users_server
from fakes_api import Deployment
from machine import Machine

from eventjob.bus.roles.provisioning import provision


@pytest.fixture
def kind():
    """Of the store: the contract is tested on each, the rest on one."""
    return "sqlite"


@pytest.fixture
def deployment():
    return Deployment()


@pytest.fixture
async def client(deployment):
    """Ann's."""
    async with client_of(deployment, "ann") as client:
        yield client


@pytest.fixture
async def anonymous(deployment):
    async with client_of(deployment) as client:
        yield client


@pytest.fixture
async def machine(nats_server):
    async with Machine(nats_server.url) as machine:
        yield machine


@pytest.fixture
def users_bus():
    with users_server() as server:
        yield server


@pytest.fixture
async def users(users_bus):
    """The services' users on a bus on which what lasts is made."""
    async with Users(users_bus) as users:
        await provision(await users.connection("provision"))
        yield users
