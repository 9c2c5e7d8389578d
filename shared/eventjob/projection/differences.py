"""Describe how a document differs from what the log makes of it."""

from typing import Generic

import msgspec

from eventjob.projection.read_model import BatchDocument, JobDocument
from eventjob.projection.store import Document

MAX_CHARS = 60  # of a value that are shown
CONTEXT_CHARS = 20  # of these before the first difference


class Pair(msgspec.Struct, Generic[Document], frozen=True):
    """A document as stored and as folded from the log; None where it is missing."""

    read: Document | None
    logged: Document | None

    @property
    def is_equal(self) -> bool:
        """True if both are the same."""
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
        """Return a line for each field that differs, or one if a document is missing."""
        if self.read is None:
            return ["is missing: the log has it"]
        if self.logged is None:
            return ["is in excess: the log has no such document"]
        return [
            _line(field, getattr(self.read, field), getattr(self.logged, field))
            for field in self.read.__struct_fields__
            if getattr(self.read, field) != getattr(self.logged, field)
        ]


def _line(field: str, read: object, logged: object) -> str:
    left, right = _text(read), _text(logged)
    first = next(
        (i for i, pair in enumerate(zip(left, right, strict=False)) if len({*pair}) > 1), 0
    )
    says, has = _window(left, first), _window(right, first)
    return f"{field}: the document says {says}, the log says {has}"


def _text(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _window(text: str, index: int) -> str:
    """Return the part of a long text around ``index``."""
    if len(text) <= MAX_CHARS:
        return text
    first = max(0, index - CONTEXT_CHARS)
    excerpt = text[first : first + MAX_CHARS]
    return f"{'…' if first else ''}{excerpt}{'…' if first + MAX_CHARS < len(text) else ''}"
