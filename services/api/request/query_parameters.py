"""Parse query parameters. A response names all invalid ones; unknown ones are ignored."""

import re
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, TypeVar, get_args

import msgspec
from starlette.requests import Request

from eventjob.domain.access import Caller
from eventjob.projection.read_model import Status
from eventjob.projection.store import BatchQuery, JobQuery
from services.api.request.field_rules import Rule, check_id, check_user_id
from services.api.response.cursor import decode_cursor
from services.api.response.errors import Problem, invalid_field
from services.api.response.views import WrongField

STATUSES: tuple[Status, ...] = get_args(Status)
SORTS: tuple[Literal["created_at", "updated_at"], ...] = ("created_at", "updated_at")
ORDERS: tuple[Literal["desc", "asc"], ...] = ("desc", "asc")
LARGEST_LIMIT = 1000
LARGEST_SKIP = 2**31  # far below the stores' largest number
LONGEST_SEQUENCE = 19  # digits

Word = TypeVar("Word", bound=str)
Query = TypeVar("Query", JobQuery, BatchQuery)
Default = TypeVar("Default", bound=str | None)

Moment = int | datetime  # a sequence of the log, or a time

_NUMBER = re.compile(r"[0-9]{1,10}")
_SEQUENCE = re.compile(rf"[0-9]{{1,{LONGEST_SEQUENCE}}}")
_Instant = Annotated[datetime, msgspec.Meta(tz=True)]


class QueryParameters:
    """Parses parameters one by one and collects the errors for `check`."""

    def __init__(self, request: Request) -> None:
        self._values = request.query_params
        self._wrong: list[WrongField] = []

    def read_choice(self, name: str, choices: tuple[Word, ...], default: Default) -> Word | Default:
        """Read one of several words."""
        text = self.read_once(name)
        if text is None:
            return default
        matching = [word for word in choices if word == text]
        if not matching:
            self._refuse(name, f"must be one of {', '.join(choices)}")
        return matching[0] if matching else default

    def read_flag(self, name: str) -> bool:
        """Read true or false; default: false."""
        return self.read_choice(name, ("true", "false"), "false") == "true"

    def read_number(self, name: str, default: int, largest: int) -> int:
        """Read a whole number from 0 to ``largest``."""
        text = self.read_once(name)
        if text is None:
            return default
        number = int(text) if _NUMBER.fullmatch(text) else -1
        if not 0 <= number <= largest:
            self._refuse(name, f"must be a whole number from 0 to {largest}")
        return number

    def read_once(self, name: str) -> str | None:
        """Read any text."""
        values = self._values.getlist(name)
        if len(values) > 1:
            self._refuse(name, "must be sent once")
        return values[0] if values else None

    def read_text(self, name: str, rule: Rule) -> str | None:
        """Read text that follows a rule."""
        text = self.read_once(name)
        if text is not None:
            try:
                rule(text)
            except ValueError as error:
                self._refuse(name, str(error))
        return text

    def forbid_both(self, name: str, other: str) -> None:
        """Refuse two parameters that exclude each other."""
        if name in self._values and other in self._values:
            self._refuse(name, f"cannot be combined with {other}")

    def read_moment(self, name: str) -> Moment | None:
        """Read a sequence of the log, or a time."""
        text = self.read_once(name)
        if text is None:
            return None
        try:
            if _SEQUENCE.fullmatch(text):
                return int(text)
            return msgspec.convert(text, _Instant).astimezone(UTC)
        except (msgspec.ValidationError, OverflowError):  # before the year 1 in UTC
            self._refuse(name, "must be a sequence, or a time such as 2030-02-01T09:30:00Z")
            return None

    def check(self) -> None:
        """Raise ``validation_error`` if a parameter was invalid."""
        if self._wrong:
            text = "; ".join(f"{wrong.field} {wrong.message}" for wrong in self._wrong)
            raise Problem("validation_error", text, details=self._wrong)

    def _refuse(self, name: str, message: str) -> None:
        self._wrong.append(WrongField(field=name, message=message))


def parse_job_query(request: Request, caller: Caller) -> JobQuery:
    """Parse the query for a page of jobs. Raises ``validation_error``."""
    parameters = QueryParameters(request)
    batch_id = parameters.read_text("batch_id", check_id)
    query = JobQuery(caller=caller, batch_id=batch_id, **_parse_paging(parameters))
    return _apply_cursor(parameters, query)


def parse_batch_query(request: Request, caller: Caller) -> BatchQuery:
    """Parse the query for a page of batches. Raises ``validation_error``."""
    parameters = QueryParameters(request)
    query = BatchQuery(
        caller=caller, archived=parameters.read_flag("archived"), **_parse_paging(parameters)
    )
    return _apply_cursor(parameters, query)


def parse_as_of(request: Request) -> Moment | None:
    """Parse the requested moment; None for the present. Raises ``validation_error``."""
    parameters = QueryParameters(request)
    moment = parameters.read_moment("as_of")
    parameters.check()
    return moment


def _apply_cursor(parameters: QueryParameters, query: Query) -> Query:
    cursor = parameters.read_once("cursor")
    parameters.forbid_both("cursor", "skip")
    parameters.check()
    if cursor is None:
        return query
    try:
        after = decode_cursor(cursor, query) if cursor else None  # empty: the first page
    except ValueError as error:
        raise invalid_field("cursor", str(error)) from error
    # Uncounted: a total would cost more than the page itself.
    return msgspec.structs.replace(query, after=after, counted=False)


def _parse_paging(parameters: QueryParameters) -> dict[str, Any]:
    return {
        "status": parameters.read_choice("status", STATUSES, None),
        "owner": parameters.read_text("user_id", check_user_id),
        "sort": parameters.read_choice("sort", SORTS, SORTS[0]),
        "order": parameters.read_choice("order", ORDERS, ORDERS[0]),
        "limit": parameters.read_number("limit", 100, LARGEST_LIMIT),
        "skip": parameters.read_number("skip", 0, LARGEST_SKIP),
    }
