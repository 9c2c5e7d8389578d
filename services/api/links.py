"""Where an answer leads: from what was made to all that can be done with it.

Source: OpenAPI 3.1, 4.8.20.
"""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from services.api.access.identify import USER_HEADER
from services.api.openapi.operation import Operation
from services.api.response.views import BatchAnswer, JobAnswer

_MADE = {
    JobAnswer: ("job_id", "$response.body#/job/job_id"),
    BatchAnswer: ("batch_id", "$response.body#/batch/batch_id"),
}
_MARKDOWN = ("path", "$response.body#/job/results/markdown_file")


def links(operation: Operation, operations: Sequence[Operation]) -> dict[str, Any]:
    """The links of a good answer, by name; what is asked next is asked as the same user."""
    if operation.id == "get_job":
        name, found = _MARKDOWN
    elif operation.status is HTTPStatus.CREATED and not isinstance(operation.answer, str):
        name, found = _MADE[operation.answer]
    else:
        return {}
    return {
        other.id: {
            "operationId": other.id,
            "parameters": {name: found, f"header.{USER_HEADER}": f"$request.header.{USER_HEADER}"},
        }
        for other in operations
        if f"{{{name}}}" in other.path.replace(":path}", "}")
    }
