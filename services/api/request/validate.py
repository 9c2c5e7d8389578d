"""From decoded JSON to a body that is right, or to the name of every field that is not."""

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from itertools import islice
from operator import attrgetter
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

import msgspec

from eventjob.contracts.parameters import Parameters
from services.api.request.field_rules import RULES, Rule
from services.api.response.errors import Problem
from services.api.response.views import WrongField

MOST_NAMED = 100

Kind = type[msgspec.Struct]
BodyT = TypeVar("BodyT", bound=msgspec.Struct)

_KNOWN_PARAMETERS = frozenset(Parameters.__struct_fields__)


class _Inner(msgspec.Struct, frozen=True):
    """A field that holds a struct, or a list of them."""

    kind: Kind
    is_list: bool


def read(kind: type[BodyT], value: object) -> BodyT:
    """``value``, which is used up, as a body of this kind.

    Raises:
        Problem: ``validation_error``; its details name up to 100 wrong fields by their path.
    """
    tidy = _tidy(kind, value)
    try:
        body = msgspec.convert(tidy, kind)
        _check(kind)(body)
    except ValueError as error:
        wrong = list(islice(_wrong(kind, tidy, ""), MOST_NAMED + 1))
        raise _problem(wrong or [WrongField(field="", message=str(error))]) from None
    return body


def _problem(wrong: list[WrongField]) -> Problem:
    first = f"{wrong[0].field or 'the body'}: {wrong[0].message}"
    if len(wrong) > MOST_NAMED:
        more = f" (and at least {MOST_NAMED} more; the first {MOST_NAMED} are in details)"
    else:
        more = f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else ""
    return Problem("validation_error", first + more, details=wrong[:MOST_NAMED])


def _tidy(kind: Kind, value: object) -> object:
    """``value``, its null fields removed, unknown parameters moved into ``extra``."""
    if not isinstance(value, dict):
        return value
    if kind is Parameters:
        _move_extra(value)
    if None in value.values():
        value = {name: inner for name, inner in value.items() if inner is not None}
    for name, inner in _inner_fields(kind).items():
        found = value.get(name)
        if inner.is_list and isinstance(found, list):
            value[name] = [_tidy(inner.kind, item) for item in found]
        elif found is not None:
            value[name] = _tidy(inner.kind, found)
    return value


def _move_extra(parameters: dict[str, Any]) -> None:
    if parameters.keys() <= _KNOWN_PARAMETERS:
        return
    sent = parameters.get("extra")
    if sent is None or isinstance(sent, dict):
        unknown = sorted(parameters.keys() - _KNOWN_PARAMETERS)
        parameters["extra"] = (sent or {}) | {name: parameters.pop(name) for name in unknown}


@cache
def _check(kind: Kind) -> Callable[[Any], None]:
    """What raises ValueError for a body that breaks a rule: made once, run for 20,000 jobs."""
    rules = _rules(kind)
    values = attrgetter(*rules) if rules else lambda _body: ()  # of two fields at least: a tuple
    ruled = tuple(rules.values())
    inside = [(attrgetter(n), _check(i.kind), i.is_list) for n, i in _inner_fields(kind).items()]

    def check(body: Any) -> None:  # noqa: ANN401 - of `kind`
        for value, rule in zip(values(body), ruled, strict=True):
            if value is not None:
                rule(value)
        for held, check_held, is_list in inside:
            for item in held(body) if is_list else (held(body),):
                check_held(item)

    return check


def _wrong(kind: Kind, value: object, path: str) -> Iterator[WrongField]:
    if not isinstance(value, dict):
        yield WrongField(field=path, message="must be an object")
        return
    for field in msgspec.structs.fields(kind):
        where = f"{path}.{field.name}" if path else field.name
        if field.name in value:
            yield from _wrong_value(kind, field, value[field.name], where)
        elif field.required:
            yield WrongField(field=where, message="is required")


def _wrong_value(
    kind: Kind, field: msgspec.structs.FieldInfo, value: object, where: str
) -> Iterator[WrongField]:
    inner = _inner_fields(kind).get(field.name)
    try:
        if inner is None or inner.is_list:
            msgspec.convert(value, field.type if inner is None else list)
        if rule := _rules(kind).get(field.name):
            rule(value)
    except ValueError as error:
        message, _, inside = str(error).partition(" - at `$")
        text = message.replace("`", "").replace("Expected", "expected")
        yield WrongField(field=where + inside.rstrip("`"), message=text)
        if inner is None or inner.is_list:
            return
    if inner is not None and inner.is_list and isinstance(value, list):
        for n, item in enumerate(value):
            yield from _wrong(inner.kind, item, f"{where}[{n}]")
    elif inner is not None:
        yield from _wrong(inner.kind, value, where)


def _rules(kind: Kind) -> Mapping[str, Rule]:
    return RULES.get(kind, {})


@cache
def _inner_fields(kind: Kind) -> dict[str, _Inner]:
    found = {}
    for name, annotation in get_type_hints(kind).items():
        is_list = get_origin(annotation) is list
        held = get_args(annotation)[0] if is_list else annotation
        if isinstance(held, type) and issubclass(held, msgspec.Struct):
            found[name] = _Inner(held, is_list)
    return found
