"""Protocol frames of nats-py written by hand: many messages in one write.

nats-py's own publish costs a task switch and a flush per message. This file alone uses its private
`_send_command`; `tests/integration/test_bus_frames.py` holds it against each release.
"""

from collections.abc import Iterable, Mapping

from nats.aio.client import Client


def headed(subject: str, headers: Mapping[str, str], data: bytes) -> bytes:
    """A publish with headers.

    Raises:
        ValueError: a header's value would break out of its line.
    """
    lines = ["NATS/1.0"]
    for key, value in headers.items():
        if "\r" in value or "\n" in value:
            raise ValueError(f"header {key} has a line break")
        lines.append(f"{key}: {value}")
    head = ("\r\n".join(lines) + "\r\n\r\n").encode()
    return b"HPUB %b %d %d\r\n%b%b\r\n" % (
        subject.encode(),
        len(head),
        len(head) + len(data),
        head,
        data,
    )


def plain(subject: str, data: bytes) -> bytes:
    """A publish without headers."""
    return b"PUB %b %d\r\n%b\r\n" % (subject.encode(), len(data), data)


async def write(client: Client, frames: Iterable[bytes]) -> None:
    """Send the frames in one write."""
    await client._send_command(b"".join(frames))  # noqa: SLF001 - see the module's docstring
    await client._flush_pending()  # noqa: SLF001


async def acknowledge(client: Client, replies: Iterable[str]) -> None:
    """Acknowledge many deliveries in one write."""
    await write(client, (plain(reply, b"+ACK") for reply in replies))
