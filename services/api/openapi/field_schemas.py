"""What the rules of single fields are in JSON Schema, so that the documentation is exact.

What JSON Schema cannot say is left to the descriptions: that parameters have 16 KB at most, that
nothing is nested deeper than 32 levels, that all jobs of a batch have one owner.
"""

from typing import Any

import msgspec

from eventjob.domain.access import EVERYONE
from eventjob.domain.urls import LONGEST_URL
from services.api.request import rules
from services.api.request.bodies import JobBody
from services.api.request.rules import RULES, Rule

Form = dict[str, Any]

# inside [^…]; written out, since what \s means differs between engines of regular expressions
_CONTROL = r"\x00-\x1f\x7f-\x9f"
_BLANK = r"\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
_LABEL = rf"[^\x00-,./:-@\[-^`{{-\x9f{_BLANK}]{{1,63}}"
_HOST = rf"(?:{_LABEL}(?:\.{_LABEL})*\.?|\[[0-9A-Fa-f:.]+\])"
_REST = rf"(?:[/?#][^ \\{_CONTROL}{_BLANK}]*)?"

PLAIN: Form = {"type": "string", "pattern": rf"^[^{_CONTROL}]*$"}
FILLED: Form = {
    "type": "string",
    "pattern": rf"^[^{_CONTROL}]*[^ {_CONTROL}{_BLANK}][^{_CONTROL}]*$",
}
CHOSEN_ID: Form = {"type": "string", "pattern": "^[A-Za-z0-9_-]{1,128}$"}
USER: Form = {
    "type": "string",
    "minLength": 1,
    "maxLength": rules.LONGEST_USER_ID,
    "pattern": rf"^(?:[^{EVERYONE}{_CONTROL}]|[^{_CONTROL}]{{2,}})$",
}
URL: Form = {
    "type": "string",
    "format": "iri",
    "maxLength": LONGEST_URL,
    "pattern": rf"^[Hh][Tt][Tt][Pp][Ss]?://{_HOST}(?::[0-9]{{0,5}})?{_REST}$",
}
FORMS: dict[Rule, Form] = {
    rules.plain: PLAIN,
    rules.filled: FILLED,
    rules.title: PLAIN | {"maxLength": rules.LONGEST_NAME},
    rules.kind: PLAIN | {"maxLength": rules.LONGEST_TYPE},
    rules.clock: {"type": "string", "pattern": "^(?:[01][0-9]|2[0-3]):[0-5][0-9]$"},
    rules.url: URL,
    rules.names: {"type": "array", "items": FILLED},
    rules.chosen_id: CHOSEN_ID,
    rules.user_id: USER,
    rules.users: {"type": "array", "maxItems": rules.MOST_USERS, "items": USER},
    rules.webhook: {"type": "object", "required": ["url"], "properties": {"url": URL}},
}
_MORE: dict[type[msgspec.Struct], Form] = {
    JobBody: {
        "not": {
            "required": ["job_id", "batch_id"],
            "properties": {"job_id": {"type": "string"}, "batch_id": {"type": "string"}},
        }
    }
}


def with_forms(kind: type[msgspec.Struct], schema: Form) -> Form:
    """The schema of a body, or of what is inside one, with what its rules demand.

    Every field but the required ones may be null, which counts as absent.
    """
    fields = RULES.get(kind, {})
    properties = {
        field.encode_name: _form(
            schema["properties"][field.encode_name],
            fields.get(field.name),
            is_optional=not field.required,
        )
        for field in msgspec.structs.fields(kind)
    }
    return {**schema, "properties": properties, **_MORE.get(kind, {})}


def _form(known: Form, rule: Rule | None, *, is_optional: bool) -> Form:
    default = {"default": known["default"]} if "default" in known else {}
    bare = {name: value for name, value in known.items() if name != "default"}
    choices = [choice for choice in bare.get("anyOf", [bare]) if choice != {"type": "null"}]
    form = FORMS.get(rule) if rule else None
    if form is None:
        form = choices[0] | ({"maxItems": rules.MOST_JOBS} if rule is rules.jobs else {})
    return {"anyOf": [form, {"type": "null"}], **default} if is_optional else {**form, **default}
