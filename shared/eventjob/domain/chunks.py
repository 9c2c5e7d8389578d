"""Split a batch's jobs into events of a size that suits the log."""

from eventjob.contracts.base import JobSpec

JOBS_PER_EVENT = 100
BYTES_PER_EVENT = 256 * 1024  # events stay small, since each reader decodes whole ones


def split_jobs(jobs: list[JobSpec]) -> list[tuple[int, list[JobSpec]]]:
    """Return each event's jobs, with the number of the first one."""
    chunks: list[tuple[int, list[JobSpec]]] = []
    size = 0
    for n, spec in enumerate(jobs, 1):
        size += len(bytes(spec.parameters))
        if not chunks or len(chunks[-1][1]) == JOBS_PER_EVENT or size > BYTES_PER_EVENT:
            chunks.append((n, []))
            size = len(bytes(spec.parameters))
        chunks[-1][1].append(spec)
    return chunks
