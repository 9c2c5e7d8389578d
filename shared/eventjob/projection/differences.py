"""Differences between a document and what the log makes of it, for people."""

from typing import Generic

import msgspec

from eventjob.projection.read_model import BatchDocument, JobDocument
from eventjob.projection.store import Document

LONGEST = 60  # characters shown of a value
BEFORE = 20  # of them before the first that differs


class Pair(msgspec.Struct, Generic[Document], frozen=True):
    """A document as it is read, and as the log has it; None where there is none."""

    read: Document | None
    logged: Document | None

    @property
    def is_equal(self) -> bool:
        """Whether there is nothing to say."""
        return self.read == self.logged

    @property
    def name(self) -> str:
        """The document's id."""
        match self.read or self.logged:
            case JobDocument() as job:
                return job.job_id
            case BatchDocument() as batch:
                return batch.batch_id
            case None:
                return ""

    def differences(self) -> list[str]:
        """One line for each field that differs, or one for all."""
        if self.read is None:
            return ["is missing: the log has it"]
        if self.logged is None:
            return ["is too many: the log has no such thing"]
        return [
            _line(field, getattr(self.read, field), getattr(self.logged, field))
            for field in self.read.__struct_fields__
            if getattr(self.read, field) != getattr(self.logged, field)
        ]


def _line(field: str, read: object, logged: object) -> str:
    one, other = _text(read), _text(logged)
    first = next((i for i, pair in enumerate(zip(one, other, strict=False)) if len({*pair}) > 1), 0)
    says, has = _window(one, first), _window(other, first)
    return f"{field}: the document says {says}, the log says {has}"


def _text(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _window(text: str, place: int) -> str:
    """What surrounds the place, where the text is long."""
    if len(text) <= LONGEST:
        return text
    first = max(0, place - BEFORE)
    cut = text[first : first + LONGEST]
    return f"{'…' if first else ''}{cut}{'…' if first + LONGEST < len(text) else ''}"
