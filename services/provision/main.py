"""`eventjob provision`: create the JetStream streams and buckets.

Runs as a user of its own: a stream's creator chooses which messages it collects.
"""

from eventjob.bus.roles.provisioning import StreamCheck, provision
from eventjob.bus.streams.permissions import LIMITS, format_authorization
from eventjob.bus.wire.connection import connect_as
from eventjob.runtime.command_output import print_line
from eventjob.runtime.logs import get_logger
from eventjob.runtime.settings import Settings

_HEAD = f"""\
# A nats-server for eventjob, printed by `eventjob provision --print-config`.
# Set $NATS_PASSWORD_API and the other passwords in the server's environment, or in a file that
# you include:  include "passwords.conf"  Each password must begin with a letter.

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
    """Create missing streams and buckets; print a line for each.

    Raises:
        Unavailable: the server refuses or cannot be reached.
    """
    connection = await connect_as("provision", settings.nats, get_logger("provision"))
    try:
        for check in await provision(connection):
            print_line(format_check(check))
    finally:
        await connection.close()


def format_check(check: StreamCheck) -> str:
    """Lines about a stream: existing or new, its consumers, its differences."""
    consumers = f", {check.consumers} consumers" if check.consumers else ""
    state = f"{check.stream}: {'exists' if check.was_there else 'created'}{consumers}"
    return "\n".join([state, *(f"  differs: {difference}" for difference in check.differences)])


def build_config() -> str:
    """Configuration of a nats-server for eventjob, with variables as passwords."""
    return _HEAD + format_authorization(lambda user: f"$NATS_PASSWORD_{user.upper()}")
