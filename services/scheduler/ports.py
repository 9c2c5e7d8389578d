"""What a scheduler needs of others."""

from typing import Protocol


class Blobs(Protocol):
    """Where commands too large for a message lie."""

    async def get(self, sha256: str) -> bytes:
        """The bytes of an artifact."""


class PartitionLeases(Protocol):
    """The partitions that are this scheduler's to decide, for the time being."""

    @property
    def held(self) -> frozenset[str]:
        """Their tokens, as of now."""

    @property
    def is_sure(self) -> bool:
        """Whether nobody else can have taken them over yet."""
