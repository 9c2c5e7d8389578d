"""Encode protocol frames by hand, to send many messages in one write.

nats-py's publish costs a task switch and a flush per message. This uses its private
`_send_command`; `eventjob.bus.wire.client` names the test that checks it.
"""

from collections.abc import Iterable, Mapping

from nats.aio.client import Client

# Stored as a reason in PARKED and compared there, so the text must stay.
FORGED = "an answer of the server, to somebody who may not send this"
_SERVER_HEADER = b"\r\nNats-Stream:"
_SERVER_BODY = b'{"type":"io.nats.jetstream.'


def encode_with_headers(
    subject: str, headers: Mapping[str, str], data: bytes, *, more: str = ""
) -> bytes:
    """Encode a publish with headers; ``more`` are whole header lines, from trusted code only.

    Raises:
        ValueError: a header's value contains a line break.
    """
    lines = "".join([f"{key}: {value}\r\n" for key, value in headers.items()])
    if not lines.count("\r") == lines.count("\n") == len(headers):
        raise ValueError(f"a header of a message to {subject} has a line break")
    head = f"NATS/1.0\r\n{lines}{more}\r\n".encode()
    sizes = f"HPUB {subject} {len(head)} {len(head) + len(data)}\r\n".encode()
    return b"".join((sizes, head, data, b"\r\n"))


def encode_plain(subject: str, data: bytes) -> bytes:
    """Encode a publish of data alone."""
    return b"PUB %b %d\r\n%b\r\n" % (subject.encode(), len(data), data)


def parse_headers(head: bytes) -> dict[str, str]:
    """Parse the headers in a message's head (b"": there are none) as nats-py passes it."""
    found = {}
    for line in head.decode("utf-8", "replace").split("\r\n")[1:]:
        name, colon, value = line.partition(":")
        if colon:
            found[name] = value.strip()
    return found


def is_server_answer(head: bytes, data: bytes = b"") -> bool:
    """Return True if a stored message is an answer of the server to some request.

    The server answers to any subject, even one that the requesting user may not publish to.
    """
    return _SERVER_HEADER in head or head.startswith(b"NATS/1.0 ") or data.startswith(_SERVER_BODY)


def is_stored_answer(head: bytes, data: bytes) -> bool:
    """Check the same for a message of a direct get, which always has one server header."""
    return head.count(_SERVER_HEADER) > 1 or data.startswith(_SERVER_BODY)


async def write(client: Client, frames: Iterable[bytes]) -> None:
    """Send the frames in one write."""
    await client._send_command(b"".join(frames))  # noqa: SLF001 - see the module's docstring
    await client._flush_pending()  # noqa: SLF001


async def acknowledge(client: Client, replies: Iterable[str]) -> None:
    """Acknowledge many deliveries in one write."""
    await write(client, (encode_plain(reply, b"+ACK") for reply in replies))
