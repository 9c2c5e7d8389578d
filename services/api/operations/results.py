"""A single job's results, read in from its artifacts."""

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


async def results_of(job: JobDocument, artifacts: ArtifactReader) -> Results | None:
    """All that the job became; None where it has no results.

    Raises:
        ArtifactsUnavailable: also where an artifact is not there, or corrupt.
    """
    try:
        return await _read(job, artifacts)
    except ArtifactMissing as error:
        _log.exception("artifact.missing", job_id=job.job_id)
        raise ArtifactsUnavailable(str(error)) from error


async def results_left(job: JobDocument, artifacts: ArtifactReader) -> Results | None:
    """What the job had become then; None also where that was removed meanwhile.

    Raises:
        ArtifactsUnavailable: nobody can say at present.
    """
    try:
        return await _read(job, artifacts)
    except ArtifactMissing:
        return None


async def _read(job: JobDocument, artifacts: ArtifactReader) -> Results | None:
    if job.bundle is None or not has_results(job):
        return None
    bundle = _bundles.decode(await artifacts.get(job.bundle))
    markdown = await artifacts.get(job.files[0].sha256)
    return full_results(job.job_id, bundle, markdown.decode())
