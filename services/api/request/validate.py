"""Convert decoded JSON to a typed body, or list every invalid field by its path."""

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

MAX_NAMED = 100  # a batch may have an error in each of its 20,000 jobs

Kind = type[msgspec.Struct]
BodyT = TypeVar("BodyT", bound=msgspec.Struct)

_KNOWN_PARAMETERS = frozenset(Parameters.__struct_fields__)


class _Inner(msgspec.Struct, frozen=True):
    """A field that contains a struct or a list of structs."""

    kind: Kind
    is_list: bool


def validate_body(kind: type[BodyT], value: object) -> BodyT:
    """Convert ``value``, which is modified, to a body of this kind.

    Raises:
        Problem: ``validation_error``; its details name up to 100 invalid fields by their path.
    """
    normal = _normalize(kind, value)
    try:
        body = msgspec.convert(normal, kind)
        _build_check(kind)(body)
    except ValueError as error:
        # Only now look at each field: this is slow, and most bodies are valid.
        wrong = list(islice(_find_wrong(kind, normal, ""), MAX_NAMED + 1))
        raise _problem(wrong or [WrongField(field="", message=str(error))]) from None
    return body


def _problem(wrong: list[WrongField]) -> Problem:
    first = f"{wrong[0].field or 'the body'}: {wrong[0].message}"
    if len(wrong) > MAX_NAMED:
        more = f" (and at least {MAX_NAMED} more; the first {MAX_NAMED} are in details)"
    else:
        more = f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else ""
    return Problem("validation_error", first + more, details=wrong[:MAX_NAMED])


def _normalize(kind: Kind, value: object) -> object:
    """Remove null fields; move unknown parameters into ``extra``."""
    if not isinstance(value, dict):
        return value
    if kind is Parameters:
        _move_extra(value)
    if None in value.values():
        value = {name: inner for name, inner in value.items() if inner is not None}
    for name, inner in _inner_fields(kind).items():
        content = value.get(name)
        if inner.is_list and isinstance(content, list):
            value[name] = [_normalize(inner.kind, item) for item in content]
        elif content is not None:
            value[name] = _normalize(inner.kind, content)
    return value


def _move_extra(parameters: dict[str, Any]) -> None:
    if parameters.keys() <= _KNOWN_PARAMETERS:
        return
    extra = parameters.get("extra")
    if extra is None or isinstance(extra, dict):
        unknown = sorted(parameters.keys() - _KNOWN_PARAMETERS)
        parameters["extra"] = (extra or {}) | {name: parameters.pop(name) for name in unknown}


@cache
def _build_check(kind: Kind) -> Callable[[Any], None]:
    """Build a function that raises ValueError if a body breaks a rule."""
    # Rules are bound once per kind, since a batch may have 20,000 jobs.
    rules = _rules(kind)
    # attrgetter returns a tuple, since every kind with rules has two or more.
    values = attrgetter(*rules) if rules else lambda _body: ()
    in_order = tuple(rules.values())
    inside = [
        (attrgetter(n), _build_check(i.kind), i.is_list) for n, i in _inner_fields(kind).items()
    ]

    def check(body: Any) -> None:  # noqa: ANN401 - of `kind`
        for value, rule in zip(values(body), in_order, strict=True):
            if value is not None:
                rule(value)
        for held, check_held, is_list in inside:
            for item in held(body) if is_list else (held(body),):
                check_held(item)

    return check


def _find_wrong(kind: Kind, value: object, path: str) -> Iterator[WrongField]:
    if not isinstance(value, dict):
        yield WrongField(field=path, message="must be an object")
        return
    for field in msgspec.structs.fields(kind):
        where = f"{path}.{field.name}" if path else field.name
        if field.name in value:
            yield from _find_wrong_in(kind, field, value[field.name], where)
        elif field.required:
            yield WrongField(field=where, message="is required")


def _find_wrong_in(
    kind: Kind, field: msgspec.structs.FieldInfo, value: object, where: str
) -> Iterator[WrongField]:
    inner = _inner_fields(kind).get(field.name)
    try:
        if inner is None or inner.is_list:
            msgspec.convert(value, field.type if inner is None else list)
        if rule := _rules(kind).get(field.name):
            rule(value)
    except ValueError as error:
        # msgspec ends its text with the path inside the value.
        message, _, inside = str(error).partition(" - at `$")
        text = message.replace("`", "").replace("Expected", "expected")
        yield WrongField(field=where + inside.rstrip("`"), message=text)
        if inner is None or inner.is_list:
            return
    if inner is not None and inner.is_list and isinstance(value, list):
        for n, item in enumerate(value):
            yield from _find_wrong(inner.kind, item, f"{where}[{n}]")
    elif inner is not None:
        yield from _find_wrong(inner.kind, value, where)


def _rules(kind: Kind) -> Mapping[str, Rule]:
    return RULES.get(kind, {})


@cache  # type hints are slow to resolve
def _inner_fields(kind: Kind) -> dict[str, _Inner]:
    fields = {}
    for name, annotation in get_type_hints(kind).items():
        is_list = get_origin(annotation) is list
        held = get_args(annotation)[0] if is_list else annotation
        if isinstance(held, type) and issubclass(held, msgspec.Struct):
            fields[name] = _Inner(held, is_list)
    return fields
