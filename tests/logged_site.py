"""A site that keeps a log of what it was asked, and knows how to say "not modified"."""

import hashlib
import re
import threading
import time
from typing import NamedTuple

from pages import PAGE, Site, pdf, png

LAST_MODIFIED = "Sat, 02 Feb 2030 09:50:00 GMT"
ROBOTS = b"User-agent: *\nDisallow: /forbidden\n"


SCHEDULE = """<schedule><conference><title>Test Conference</title></conference>
<day date="2030-02-02"><room name="Janson">{events}</room></day></schedule>"""
EVENT = """<event id="{n}"><start>10:00</start><duration>00:25</duration>
<title>{title}</title><url>{url}</url></event>"""


class Request(NamedTuple):
    """A line of the log; ``at`` is monotonic, of when the request was read."""

    at: float
    path: str
    is_conditional: bool
    status: int


class LoggedSite(Site):
    """Sessions with slides and an image each, under any path; what a folder is called counts.

    ``/fresh/…`` may be reused for an hour, ``/no-store/…`` not at all; ``/moved/…`` redirects.
    ``robots`` is what robots.txt says. Each folder has a schedule of the sessions in ``talks``.
    """

    def __init__(self, robots: bytes = ROBOTS, talks: tuple[str, ...] = ()) -> None:
        super().__init__()
        self._talks = talks
        self.log: list[Request] = []
        self._robots = robots
        self._writing = threading.Lock()

    def respond(self, handler) -> None:
        at = time.monotonic()
        status, fields, body = self.reply(handler.path)
        tag = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
        is_conditional = "If-None-Match" in handler.headers
        if status == 200:
            fields |= {"ETag": tag, "Last-Modified": LAST_MODIFIED}
            if handler.headers.get("If-None-Match") == tag:
                status, body = 304, b""
        with self._writing:
            self.log.append(Request(at, handler.path, is_conditional, status))
        handler.send_response(status)
        for name, value in fields.items():
            handler.send_header(name, value)
        if status != 304:
            handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    def reply(self, path: str) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body of what lies at ``path``."""
        if path == "/robots.txt":
            return 200, {"Content-Type": "text/plain"}, self._robots
        if path.startswith("/moved/"):
            return 302, {"Location": path.replace("/moved/", "/talks/", 1)}, b""
        kept = {"fresh": "max-age=3600", "no-store": "no-store"}.get(path.split("/")[1])
        fields = {"Cache-Control": kept} if kept else {}
        if path.endswith(".pdf"):
            padding = bytes(200_000) if "large" in path else b""
            return 200, fields | {"Content-Type": "application/pdf"}, pdf(path, padding)
        if path.endswith("schedule.xml"):
            return 200, fields | {"Content-Type": "application/xml"}, self._schedule(path)
        if path.endswith(".png"):
            return 200, fields | {"Content-Type": "image/png"}, png(64, 64, bytes(65 * 64))
        return 200, fields | {"Content-Type": "text/html; charset=utf-8"}, self._page(path)

    def _schedule(self, path: str) -> bytes:
        folder = path.rpartition("/")[0]
        pages = [f"{folder}/{talk}/" for talk in self._talks]
        events = (
            EVENT.format(n=n, title=_title(page), url=self.url + page)
            for n, page in enumerate(pages)
        )
        return SCHEDULE.format(events="".join(events)).encode()

    def _page(self, path: str) -> bytes:
        """A page of 100 KB where its path says that it is large."""
        links = '<a href="slides.pdf">Slides</a> <img src="figure.png" alt="A figure">'
        if self._talks:
            links += '<a href="../schedule.xml">Schedule</a>'
        comment = f"<!-- {'x' * 100_000 if 'large' in path else ''} -->"
        return PAGE.format(title=_title(path), slides=links + comment).encode()


def _title(path: str) -> str:
    return re.sub(r"\W+", " ", path).strip()
