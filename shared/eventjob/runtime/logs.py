"""Structured logs: one JSON line per record, on stderr.

It is a handler of the standard library's logging, so lines of uvicorn and nats-py get the same
form. Long values are cut, and credentials in URLs are masked.
"""

import json
import logging
import os
import re
import sys
import threading
from datetime import UTC, datetime
from types import TracebackType
from typing import Literal

__all__ = ["Logger", "get_logger", "set_up_logs"]

Level = Literal["debug", "info", "warning", "error"]
OURS = ("eventjob", "services")
MAX_VALUE_LENGTH = 2_000  # characters
MAX_TRACEBACK_LENGTH = 8_000

_STDERR = 2
_NAME = re.compile(r"[a-z_]+(\.[a-z_]+)+")
_USER_INFO = re.compile(r"(?<=://)[^/\s\"'@]+@")
_FIRST = frozenset({"ts", "level", "event"})
_OF_ANY_RECORD = frozenset(vars(logging.makeLogRecord({}))) | {"taskName", "color_message"}


class Logger:
    """Logs for one service; an event is a constant ``noun.verb``, everything else is a field."""

    def __init__(self, service: str) -> None:
        self._logger = logging.getLogger(f"{OURS[0]}.{service}")
        self._service = service

    def debug(self, event: str, /, **fields: object) -> None:
        """Log mechanics of single messages."""
        self._write(logging.DEBUG, event, fields)

    def info(self, event: str, /, **fields: object) -> None:
        """Log a decision or an effect; a refusal is one too."""
        self._write(logging.INFO, event, fields)

    def warning(self, event: str, /, **fields: object) -> None:
        """Log a problem that will be retried."""
        self._write(logging.WARNING, event, fields)

    def error(self, event: str, /, **fields: object) -> None:
        """Log a problem that a person must look at."""
        self._write(logging.ERROR, event, fields)

    def exception(self, event: str, /, **fields: object) -> None:
        """Log an error with the exception that is being handled."""
        self._write(logging.ERROR, event, fields, with_exception=True)

    def _write(
        self, level: int, event: str, fields: dict[str, object], *, with_exception: bool = False
    ) -> None:
        if self._logger.isEnabledFor(level):
            extra = {"fields": {"service": self._service, **fields}}
            self._logger.log(level, "%s", event, extra=extra, exc_info=with_exception)


def get_logger(service: str) -> Logger:
    """Return the logger of ``service``, such as api or scheduler."""
    return Logger(service)


def set_up_logs(service: str, level: Level) -> None:
    """Send all logs of this process to stderr as JSON.

    Args:
        service: named in lines of libraries.
        level: minimum level of our own lines; libraries log from info upwards at most.
    """
    handler = _Stderr()
    handler.setFormatter(_OneLine(service))
    number = logging.getLevelNamesMapping()[level.upper()]
    # Libraries' debug lines hold bodies and credentials.
    logging.basicConfig(level=max(number, logging.INFO), handlers=[handler], force=True)
    for name in OURS:
        logging.getLogger(name).setLevel(number)
    logging.captureWarnings(capture=True)
    sys.excepthook = _log_uncaught
    threading.excepthook = lambda args: _log_uncaught(
        args.exc_type, args.exc_value or args.exc_type(), args.exc_traceback
    )


def _log_uncaught(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    logging.getLogger(OURS[0]).critical("process.broke", exc_info=(kind, error, trace))


class _Stderr(logging.Handler):
    """Writes each line in one system call, to keep lines of several processes apart."""

    def emit(self, record: logging.LogRecord) -> None:
        line = f"{self.format(record)}\n".encode(errors="backslashreplace")
        try:
            os.write(_STDERR, line)
        except OSError:
            return  # stderr is closed; the work goes on


class _OneLine(logging.Formatter):
    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        event, fields = _event_and_fields(record)
        line: dict[str, object] = {
            "ts": _format_timestamp(record.created),
            "level": "error" if record.levelno > logging.ERROR else record.levelname.lower(),
            "event": event,
            "service": self._service,
        }
        line |= {name: _shorten(value) for name, value in fields.items() if name not in _FIRST}
        if record.exc_info and record.exc_info[1] is not None:
            line["error"] = _shorten(repr(record.exc_info[1]))
            line["traceback"] = self.formatException(record.exc_info)[-MAX_TRACEBACK_LENGTH:]
        return _USER_INFO.sub("***@", _encode(line))


def _event_and_fields(record: logging.LogRecord) -> tuple[str, dict[str, object]]:
    """Return event and fields; a library's event is its logger's name, with a ``message``."""
    fields = {name: value for name, value in vars(record).items() if name not in _OF_ANY_RECORD}
    fields |= fields.pop("fields", {})
    try:
        text = record.getMessage()
    except (TypeError, ValueError):  # the arguments do not fit the format
        text = f"{record.msg} {record.args}"
    if _NAME.fullmatch(text):
        return text, fields
    return record.name, {"message": text, **fields}


def _shorten(value: object) -> object:
    try:
        text = value if isinstance(value, str) else _encode(value)
    except ValueError:  # it contains itself
        value = text = repr(value)
    return value if len(text) <= MAX_VALUE_LENGTH else text[:MAX_VALUE_LENGTH] + "…"


def _encode(value: object) -> str:
    return json.dumps(value, default=str, ensure_ascii=False, separators=(",", ":"), skipkeys=True)


def _format_timestamp(seconds: float) -> str:
    moment = datetime.fromtimestamp(seconds, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
