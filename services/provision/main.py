"""`eventjob provision`: makes what lasts on the bus, as the one user that may."""

from eventjob.bus.roles.provisioning import StreamCheck, provision
from eventjob.bus.streams.permissions import LIMITS, format_authorization
from eventjob.bus.wire.connection import connect_as
from eventjob.runtime.command_output import print_line
from eventjob.runtime.logs import get_logger
from eventjob.runtime.settings import Settings

_HEAD = f"""\
# A nats-server for eventjob, printed by `eventjob provision --print-config`.
# $NATS_PASSWORD_API and the other passwords are environment variables of the server, or stand in
# a file that a line such as  include "passwords.conf"  brings in. Let each begin with a letter.

server_name: eventjob
listen: "0.0.0.0:4222"
http: "127.0.0.1:8222"
jetstream {{
  store_dir: "/data"
  sync_interval: always
}}
{LIMITS}
"""


async def run(settings: Settings) -> None:
    """Make all that is missing, and say a line for each stream.

    Raises:
        Unavailable: the server refuses, or there is none.
    """
    connection = await connect_as("provision", settings.nats, get_logger("provision"))
    try:
        for found in await provision(connection):
            print_line(line(found))
    finally:
        await connection.close()


def line(found: StreamCheck) -> str:
    """A stream as it is told of."""
    consumers = f", {found.consumers} consumers" if found.consumers else ""
    said = f"{found.stream}: {'was there' if found.was_there else 'made'}{consumers}"
    return "\n".join([said, *(f"  differs: {difference}" for difference in found.differences)])


def config_file() -> str:
    """The configuration of a server for eventjob; its passwords are variables."""
    return _HEAD + format_authorization(lambda user: f"$NATS_PASSWORD_{user.upper()}")
