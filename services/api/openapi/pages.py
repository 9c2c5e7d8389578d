"""Serve the documentation, built from the operations once at the start."""

from base64 import b64encode
from functools import cache
from hashlib import sha256
from html import escape
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from services.api.access.browser import DENY_ALL_CSP
from services.api.openapi.document import build_document
from services.api.openapi.operation import Operation

_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:52rem;margin:2rem auto;padding:0 1rem}"
    "code,pre{font:14px/1.4 ui-monospace,monospace}pre{background:#f4f4f4;padding:.7rem;"
    "overflow:auto}summary{cursor:pointer;padding:.3rem 0}summary b{display:inline-block;"
    "width:4.5rem}"
)
_STYLE_HASH = b64encode(sha256(_STYLE.encode()).digest()).decode()
_CSP = f"{DENY_ALL_CSP}; style-src 'sha256-{_STYLE_HASH}'"


class Pages(msgspec.Struct, frozen=True):
    """The OpenAPI document and its HTML page, encoded."""

    openapi: bytes
    docs: bytes  # static HTML: works offline, and under a policy that forbids scripts


@cache
def make_pages(operations: tuple[Operation, ...]) -> Pages:
    """Build both pages, once in a process."""
    document = build_document(operations)
    return Pages(msgspec.json.encode(document), _html(document).encode())


async def get_openapi(request: Request) -> Response:
    """Return this OpenAPI document."""
    pages: Pages = request.app.state.pages
    return Response(pages.openapi, media_type="application/json")


async def get_docs(request: Request) -> Response:
    """Return this documentation as a web page."""
    pages: Pages = request.app.state.pages
    headers = {"Content-Security-Policy": _CSP}
    return Response(pages.docs, media_type="text/html", headers=headers)


def _html(document: dict[str, Any]) -> str:
    info = document["info"]
    operations = "".join(
        _operation(method, path, operation)
        for path, methods in document["paths"].items()
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
    request = "" if body is None else f"<p>Body</p>{_examples(body)}"
    responses = "".join(
        f"<p>{status}: {escape(response['description'])}</p>{_examples(response)}"
        for status, response in operation["responses"].items()
    )
    return (
        f"<details><summary><b>{method.upper()}</b><code>{escape(path)}</code> "
        f"{escape(operation['summary'])}</summary><ul>{parameters}</ul>"
        f"{request}{responses}</details>"
    )


def _examples(part: dict[str, Any]) -> str:
    examples = [
        content["example"] for content in part.get("content", {}).values() if "example" in content
    ]
    return "".join(
        f"<pre>{escape(msgspec.json.format(msgspec.json.encode(example)).decode())}</pre>"
        for example in examples
    )
