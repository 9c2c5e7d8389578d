"""The documentation as it is served: made from the operations once, at the start."""

from base64 import b64encode
from functools import cache
from hashlib import sha256
from html import escape
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from services.api.access.browser import NOTHING
from services.api.openapi.document import document
from services.api.openapi.operation import Operation

_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:52rem;margin:2rem auto;padding:0 1rem}"
    "code,pre{font:14px/1.4 ui-monospace,monospace}pre{background:#f4f4f4;padding:.7rem;"
    "overflow:auto}summary{cursor:pointer;padding:.3rem 0}summary b{display:inline-block;"
    "width:4.5rem}"
)
_STYLE_HASH = b64encode(sha256(_STYLE.encode()).digest()).decode()
_CSP = f"{NOTHING}; style-src 'sha256-{_STYLE_HASH}'"


class Pages(msgspec.Struct, frozen=True):
    """The OpenAPI document, and a page that needs neither scripts nor the internet."""

    openapi: bytes
    docs: bytes


@cache
def make_pages(operations: tuple[Operation, ...]) -> Pages:
    """Both pages, made once in a process."""
    described = document(operations)
    return Pages(msgspec.json.encode(described), _html(described).encode())


async def get_openapi(request: Request) -> Response:
    """The OpenAPI document."""
    pages: Pages = request.app.state.pages
    return Response(pages.openapi, media_type="application/json")


async def get_docs(request: Request) -> Response:
    """This documentation, for people."""
    pages: Pages = request.app.state.pages
    headers = {"Content-Security-Policy": _CSP}
    return Response(pages.docs, media_type="text/html", headers=headers)


def _html(described: dict[str, Any]) -> str:
    info = described["info"]
    operations = "".join(
        _operation(method, path, operation)
        for path, methods in described["paths"].items()
        for method, operation in methods.items()
    )
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(info["title"])}'
        f"</title><style>{_STYLE}</style><h1>{escape(info['title'])} {escape(info['version'])}"
        f'</h1><p>{escape(info["description"])}</p><p><a href="openapi.json">openapi.json</a></p>'
        f"{operations}</html>"
    )


def _operation(method: str, path: str, operation: dict[str, Any]) -> str:
    parameters = "".join(
        f"<li><code>{escape(p['name'])}</code> ({p['in']}): {escape(p['description'])}</li>"
        for p in operation["parameters"]
    )
    body = operation.get("requestBody")
    sent = "" if body is None else f"<p>Body</p>{_examples(body)}"
    answers = "".join(
        f"<p>{status}: {escape(response['description'])}</p>{_examples(response)}"
        for status, response in operation["responses"].items()
    )
    return (
        f"<details><summary><b>{method.upper()}</b><code>{escape(path)}</code> "
        f"{escape(operation['summary'])}</summary><ul>{parameters}</ul>{sent}{answers}</details>"
    )


def _examples(part: dict[str, Any]) -> str:
    shown = [
        content["example"] for content in part.get("content", {}).values() if "example" in content
    ]
    return "".join(
        f"<pre>{escape(msgspec.json.format(msgspec.json.encode(example)).decode())}</pre>"
        for example in shown
    )
