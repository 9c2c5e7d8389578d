"""What becomes of a task: an outcome, or the news that our own infrastructure is away."""

import asyncio
import errno
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import msgspec

from eventjob.artifacts.store import ArtifactsUnavailable
from eventjob.bus.errors import Poison, Unavailable
from eventjob.contracts.base import UNREADABLE, JobError, LogLine
from eventjob.contracts.parameters import Parameters
from eventjob.contracts.work import FetchSession, Outcome, SessionFetched, Task, WorkFailed
from eventjob.fetch.client import FetchFailed
from eventjob.runtime.logs import Logger
from services.processor.fetching.gate import POSTPONED
from services.processor.pool.pool import Broke, TookTooLong
from services.processor.session import Sessions, ThinContent

LEFT_FOR_STORING_S = 60.0
DISK_PAUSE = timedelta(seconds=15)
_parameters = msgspec.json.Decoder(Parameters)


def _known(parameters: msgspec.Raw) -> Parameters:
    """The parameters that are acted on: what else was sent may hold numbers that no pool can."""
    return msgspec.structs.replace(_parameters.decode(parameters), extra={})


class SessionHandler:
    """Answers a `FetchSession` with an outcome, whatever its page is like."""

    def __init__(
        self,
        *,
        sessions: Sessions,
        folder: Path,
        min_free_bytes: int,
        clock: Callable[[], datetime],
        log: Logger,
    ) -> None:
        self._sessions = sessions
        self._folder = folder
        self._min_free_bytes = min_free_bytes
        self._clock = clock
        self._log = log

    async def __call__(self, task: Task) -> Outcome:
        """The outcome of ``task``; safe to run twice.

        Raises:
            Unavailable: artifact store, bus or disk cannot do their part.
            Poison: it is no task of ours.
        """
        if not isinstance(task, FetchSession):
            raise Poison(f"a processor fetches sessions, and knows no {type(task).__name__}")
        try:
            parameters = _known(task.parameters)
        except UNREADABLE as error:
            raise Poison(f"the parameters of {task.job_id} are wrong: {error}") from error
        self._check_disk()
        with _our_faults():
            return await self._outcome(task, parameters)

    async def _outcome(self, task: FetchSession, parameters: Parameters) -> Outcome:
        left_s = max((task.deadline - self._clock()).total_seconds(), 0.0)
        end = asyncio.get_running_loop().time() + left_s
        until = end - min(LEFT_FOR_STORING_S, left_s / 4)
        try:
            async with asyncio.timeout_at(end):
                stored = await self._sessions.make(parameters, self._folder, until)
        except TimeoutError:
            return self._failed(
                task, "timeout", "not done before the attempt's deadline", transient=True
            )
        except FetchFailed as failure:
            return self._fetch_failed(task, failure)
        except ThinContent as reason:
            return self._failed(task, "thin_content", str(reason), transient=False)
        except TookTooLong as reason:
            return self._failed(
                task, "extraction_timeout", str(reason), transient=task.attempt == 1
            )
        except Broke as reason:
            return self._failed(task, "extraction_failed", str(reason), transient=False)
        self._log.info("session.stored", job_id=task.job_id, bundle=stored.bundle)
        return SessionFetched(
            group=task.group,
            n=task.n,
            attempt=task.attempt,
            bundle=stored.bundle,
            files=stored.files,
            sources=stored.sources,
            log=stored.log,
        )

    def _fetch_failed(self, task: FetchSession, failure: FetchFailed) -> WorkFailed:
        return self._failed(
            task,
            failure.code,
            str(failure),
            transient=failure.transient,
            retry_after=failure.retry_after,
            counted=failure.code != POSTPONED,
        )

    def _failed(
        self,
        task: FetchSession,
        code: str,
        reason: str,
        *,
        transient: bool,
        retry_after: timedelta | None = None,
        counted: bool = True,
    ) -> WorkFailed:
        self._log.info("session.failed", job_id=task.job_id, code=code, reason=reason)
        line = LogLine(timestamp=self._clock(), level="warning", message=f"{code}: {reason}")
        return WorkFailed(
            group=task.group,
            n=task.n,
            attempt=task.attempt,
            task="fetch",
            error=JobError(code=code, message=reason),
            transient=transient,
            retry_after_s=(retry_after or timedelta()).total_seconds(),
            counted=counted,
            log=[line],
        )

    def _check_disk(self) -> None:
        free_bytes = shutil.disk_usage(self._folder).free
        if free_bytes < self._min_free_bytes:
            raise Unavailable(f"only {free_bytes} bytes are left on the disk", DISK_PAUSE)


@contextmanager
def _our_faults() -> Iterator[None]:
    try:
        yield
    except ArtifactsUnavailable as error:
        raise Unavailable(f"artifacts: {error}") from error
    except OSError as error:
        if error.errno not in {errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.ENFILE}:
            raise
        raise Unavailable(f"disk: {error.strerror}", DISK_PAUSE) from error
