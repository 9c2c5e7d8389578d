"""Load a job's bundle and Markdown from the artifact store."""

import msgspec

from eventjob.artifacts.store import ArtifactMissing, ArtifactsUnavailable
from eventjob.contracts.work import Bundle
from eventjob.projection.read_model import JobDocument
from eventjob.runtime.logs import get_logger
from services.api.context import ArtifactReader
from services.api.response.to_views import full_results, has_results
from services.api.response.views import Results

_log = get_logger("api")
_bundles = msgspec.json.Decoder(Bundle)


async def read_results(job: JobDocument, artifacts: ArtifactReader) -> Results | None:
    """Load a job's full results, if it has any.

    Raises:
        ArtifactsUnavailable: also if an artifact is missing or corrupt.
    """
    try:
        return await _read(job, artifacts)
    except ArtifactMissing as error:
        _log.exception("artifact.missing", job_id=job.job_id)
        raise ArtifactsUnavailable(str(error)) from error


async def read_remaining_results(job: JobDocument, artifacts: ArtifactReader) -> Results | None:
    """Load a job's past results; None also if they were removed since then.

    Raises:
        ArtifactsUnavailable: the artifact store does not answer.
    """
    try:
        return await _read(job, artifacts)
    except ArtifactMissing:  # expected: a restart or a deletion frees them for the sweep
        return None


async def _read(job: JobDocument, artifacts: ArtifactReader) -> Results | None:
    if job.bundle is None or not has_results(job):
        return None
    bundle = _bundles.decode(await artifacts.get(job.bundle))
    markdown = await artifacts.get(job.files[0].sha256)
    return full_results(job.job_id, bundle, markdown.decode())
