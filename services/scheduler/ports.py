"""Protocols that the scheduler depends on."""

from typing import Protocol


class Blobs(Protocol):
    """The artifact store, where commands too large for a message are kept."""

    async def get(self, sha256: str) -> bytes:
        """Return the bytes of an artifact."""


class PartitionLeases(Protocol):
    """The partitions that this scheduler may decide for at present."""

    @property
    def held(self) -> frozenset[str]:
        """Tokens of the partitions held now."""

    @property
    def is_sure(self) -> bool:
        """True while every other scheduler must still believe the lease."""
