"""Query parameters, checked by hand: a wrong one is named, an unknown one is ignored."""

import re
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, TypeVar, get_args

import msgspec
from starlette.requests import Request

from eventjob.domain.access import Caller
from eventjob.projection.read_model import Status
from eventjob.projection.store import BatchQuery, JobQuery
from services.api.request.field_rules import Rule, chosen_id, user_id
from services.api.response.cursor import place_of
from services.api.response.errors import Problem, invalid
from services.api.response.views import WrongField

STATUSES: tuple[Status, ...] = get_args(Status)
SORTS: tuple[Literal["created_at", "updated_at"], ...] = ("created_at", "updated_at")
ORDERS: tuple[Literal["desc", "asc"], ...] = ("desc", "asc")
LARGEST_LIMIT = 1000
LARGEST_SKIP = 2**31
LONGEST_SEQUENCE = 19  # digits

Word = TypeVar("Word", bound=str)
Query = TypeVar("Query", JobQuery, BatchQuery)
Default = TypeVar("Default", bound=str | None)

Moment = int | datetime  # a sequence of the log, or an instant

_NUMBER = re.compile(r"[0-9]{1,10}")
_SEQUENCE = re.compile(rf"[0-9]{{1,{LONGEST_SEQUENCE}}}")
_Instant = Annotated[datetime, msgspec.Meta(tz=True)]


class QueryParameters:
    """Reads parameters one by one, and remembers what is wrong until `check`."""

    def __init__(self, request: Request) -> None:
        self._sent = request.query_params
        self._wrong: list[WrongField] = []

    def choice(self, name: str, choices: tuple[Word, ...], default: Default) -> Word | Default:
        """One of several words."""
        text = self.once(name)
        if text is None:
            return default
        found = [word for word in choices if word == text]
        if not found:
            self._refuse(name, f"must be one of {', '.join(choices)}")
        return found[0] if found else default

    def flag(self, name: str, *, default: bool = False) -> bool:
        """True or false."""
        return self.choice(name, ("true", "false"), "true" if default else "false") == "true"

    def number(self, name: str, default: int, largest: int) -> int:
        """A whole number from 0."""
        text = self.once(name)
        if text is None:
            return default
        number = int(text) if _NUMBER.fullmatch(text) else -1
        if not 0 <= number <= largest:
            self._refuse(name, f"must be a whole number from 0 to {largest}")
        return number

    def once(self, name: str) -> str | None:
        """Whatever was sent."""
        found = self._sent.getlist(name)
        if len(found) > 1:
            self._refuse(name, "must be sent once")
        return found[0] if found else None

    def text(self, name: str, rule: Rule) -> str | None:
        """What follows a rule."""
        text = self.once(name)
        if text is not None:
            try:
                rule(text)
            except ValueError as error:
                self._refuse(name, str(error))
        return text

    def refuse_both(self, name: str, other: str) -> None:
        """What does not go together."""
        if name in self._sent and other in self._sent:
            self._refuse(name, f"cannot be combined with {other}")

    def moment(self, name: str) -> Moment | None:
        """A sequence of the log, or an instant."""
        text = self.once(name)
        if text is None:
            return None
        try:
            if _SEQUENCE.fullmatch(text):
                return int(text)
            return msgspec.convert(text, _Instant).astimezone(UTC)
        except (msgspec.ValidationError, OverflowError):  # in UTC it is before the year 1
            self._refuse(name, "must be a sequence, or a time such as 2030-02-01T09:30:00Z")
            return None

    def check(self) -> None:
        """Nothing, where all were right.

        Raises:
            Problem: ``validation_error``.
        """
        if self._wrong:
            text = "; ".join(f"{wrong.field} {wrong.message}" for wrong in self._wrong)
            raise Problem("validation_error", text, details=self._wrong)

    def _refuse(self, name: str, message: str) -> None:
        self._wrong.append(WrongField(field=name, message=message))


def job_query(request: Request, caller: Caller) -> JobQuery:
    """The page of jobs that is asked for.

    Raises:
        Problem: ``validation_error``.
    """
    sent = QueryParameters(request)
    query = JobQuery(caller=caller, batch_id=sent.text("batch_id", chosen_id), **_paging(sent))
    return _at_cursor(sent, query)


def batch_query(request: Request, caller: Caller) -> BatchQuery:
    """The page of batches that is asked for. Raises as `job_query`."""
    sent = QueryParameters(request)
    query = BatchQuery(caller=caller, archived=sent.flag("archived"), **_paging(sent))
    return _at_cursor(sent, query)


def _at_cursor(sent: QueryParameters, query: Query) -> Query:
    """The query from where the cursor points to, and without a total; an empty one is the start."""
    cursor = sent.once("cursor")
    sent.refuse_both("cursor", "skip")
    sent.check()
    if cursor is None:
        return query
    try:
        after = place_of(cursor, query) if cursor else None
    except ValueError as error:
        raise invalid("cursor", str(error)) from error
    return msgspec.structs.replace(query, after=after, counted=False)


def as_of(request: Request) -> Moment | None:
    """The moment whose state is asked for; None for the present. Raises as `job_query`."""
    sent = QueryParameters(request)
    moment = sent.moment("as_of")
    sent.check()
    return moment


def _paging(sent: QueryParameters) -> dict[str, Any]:
    return {
        "status": sent.choice("status", STATUSES, None),
        "owner": sent.text("user_id", user_id),
        "sort": sent.choice("sort", SORTS, SORTS[0]),
        "order": sent.choice("order", ORDERS, ORDERS[0]),
        "limit": sent.number("limit", 100, LARGEST_LIMIT),
        "skip": sent.number("skip", 0, LARGEST_SKIP),
    }
