"""Turn a fetch task into an outcome, and failures into error codes."""

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
from services.processor.pool.pool import TaskFailed, TaskTimeout
from services.processor.session import SessionBuilder, ThinContent

STORING_TIME_S = 60.0  # of an attempt, kept free for storing what was fetched
DISK_PAUSE = timedelta(seconds=15)  # until the task is delivered again
_parameters = msgspec.json.Decoder(Parameters)


def _decode_parameters(parameters: msgspec.Raw) -> Parameters:
    """Decode the known parameters only; others may hold numbers beyond MessagePack's range."""
    return msgspec.structs.replace(_parameters.decode(parameters), extra={})


class SessionHandler:
    """Answers a `FetchSession` with an outcome."""

    def __init__(
        self,
        *,
        sessions: SessionBuilder,
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
        """Return the outcome of ``task``; a repeat is safe.

        Raises:
            Unavailable: artifact store, bus or disk is away.
            Poison: the task is of another kind, or undecodable.
        """
        if not isinstance(task, FetchSession):
            raise Poison(f"not a task for a processor: {type(task).__name__}")
        try:
            parameters = _decode_parameters(task.parameters)
        except UNREADABLE as error:
            raise Poison(f"the parameters of {task.job_id} are wrong: {error}") from error
        self._check_disk()  # a full disk would fail the session halfway
        with _map_errors():
            return await self._process(task, parameters)

    async def _process(self, task: FetchSession, parameters: Parameters) -> Outcome:
        left_s = max((task.deadline - self._clock()).total_seconds(), 0.0)
        end = asyncio.get_running_loop().time() + left_s  # wall clocks may jump meanwhile
        until = end - min(STORING_TIME_S, left_s / 4)
        try:
            async with asyncio.timeout_at(end):
                stored = await self._sessions.build(parameters, self._folder, until)
        except TimeoutError:
            return self._fail(
                task, "timeout", "not done before the attempt's deadline", transient=True
            )
        except FetchFailed as failure:
            return self._fail_fetch(task, failure)
        except ThinContent as reason:
            return self._fail(task, "thin_content", str(reason), transient=False)
        except TaskTimeout as reason:
            return self._fail(task, "extraction_timeout", str(reason), transient=task.attempt == 1)
        except TaskFailed as reason:
            return self._fail(task, "extraction_failed", str(reason), transient=False)
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

    def _fail_fetch(self, task: FetchSession, failure: FetchFailed) -> WorkFailed:
        return self._fail(
            task,
            failure.code,
            str(failure),
            transient=failure.transient,
            retry_after=failure.retry_after,
            counted=failure.code != POSTPONED,  # the host asked to wait: costs no attempt
        )

    def _fail(
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
def _map_errors() -> Iterator[None]:
    try:
        yield
    except ArtifactsUnavailable as error:
        raise Unavailable(f"artifacts: {error}") from error
    except OSError as error:
        if error.errno not in {errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.ENFILE}:
            raise
        raise Unavailable(f"disk: {error.strerror}", DISK_PAUSE) from error
