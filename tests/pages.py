"""A conference site of the tests' own: answers any address with a session page, or with a PDF."""

import html
import struct
import threading
import zlib
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self

PAGE = """<!doctype html><html lang="en"><head><title>{title} - Test Conference</title></head>
<body><nav><a href="/">Home</a></nav><main><h1>{title}</h1>
<p>This talk is about {title}. It explains what the project does, why it was started, how it
is built, what went wrong on the way, and what its users have made of it since. Those who
listen will be able to try it on their own machines the same evening, and to take part.</p>
<p>It ends with a demonstration, a list of things to do, and time for questions.</p>
{slides}</main></body></html>"""


def pdf(text: str, padding: bytes = b"") -> bytes:
    """A PDF of one page that says ``text``, with ``padding`` in it that no reader looks at."""
    said = f"BT /F1 24 Tf 72 700 Td ({text}) Tj ET".encode("latin-1", "replace")
    font = b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"
    resources = b"/MediaBox [0 0 612 792] /Resources << /Font << /F1 5 0 R >> >>"
    return pdf_page(resources, _stream(said), font, _stream(padding))


def pdf_page(entries: bytes, *objects: bytes) -> bytes:
    """A PDF of one page; ``objects`` are the page's content, number 4, and what follows on it."""
    page = b"<< /Type /Page /Parent 2 0 R %b /Contents 4 0 R >>" % entries
    pages = b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>"
    body, table = b"%PDF-1.4\n", b"0000000000 65535 f \n"
    everything = (b"<< /Type /Catalog /Pages 2 0 R >>", pages, page, *objects)
    for number, described in enumerate(everything, 1):
        table += b"%010d 00000 n \n" % len(body)
        body += b"%d 0 obj\n%b\nendobj\n" % (number, described)
    count = len(everything) + 1
    end = b"xref\n0 %d\n%btrailer\n<< /Size %d /Root 1 0 R >>\n" % (count, table, count)
    return body + end + b"startxref\n%d\n%%%%EOF\n" % len(body)


def _stream(content: bytes) -> bytes:
    return b"<< /Length %d >>\nstream\n%b\nendstream" % (len(content), content)


def png(width: int, height: int, pixels: bytes, depth: int = 8) -> bytes:
    """A grey image that says it has so many pixels; ``pixels`` are those that it has."""
    chunks = {
        b"IHDR": struct.pack(">IIBBBBB", width, height, depth, 0, 0, 0, 0),
        b"IDAT": zlib.compress(pixels, 9),
        b"IEND": b"",
    }
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks.items()
    )


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: "_Server"

    def do_GET(self) -> None:
        self.server.site.seen[self.path] += 1
        self.server.site.respond(self)

    def send(
        self, status: int, content_type: str, body: bytes, encoding: str | None = None
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        if encoding:
            self.send_header("Content-Encoding", encoding)
        self.end_headers()
        self.wfile.write(body)

    def redirect(self, location: str) -> None:
        self.send_response(302)
        self.send_header("Location", location)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def drip(self) -> None:
        """A byte at a time, for as long as anybody listens."""
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.close_connection = True
        while not self.server.site.closing.wait(0.1):
            self.wfile.write(b" ")

    def log_message(self, *_: object) -> None:
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    site: "Site"

    def handle_error(self, *_: object) -> None:
        """A client that went away is the client's affair."""


class Site:
    """``with Site() as site``: ``site.url`` + any path is a session page; *.pdf is a PDF."""

    def __init__(self, host: str = "127.0.0.1") -> None:
        self.seen: Counter[str] = Counter()
        self.hold = threading.Event()
        self.hold.set()
        self.closing = threading.Event()
        self._server = _Server((host, 0), _Handler)
        self._server.site = self
        self.port = self._server.server_address[1]
        self.url = f"http://{host}:{self.port}"

    def respond(self, handler: _Handler) -> None:
        handler.send(*self.answer(handler.path))

    def answer(self, path: str) -> tuple[int, str, bytes]:
        self.hold.wait(60)
        if path == "/robots.txt":
            return 404, "text/plain", b"none"
        if path.startswith("/missing"):
            return 404, "text/html", b"<h1>Not found</h1>"
        if path.endswith(".pdf"):
            return 200, "application/pdf", pdf(path.rsplit("/", 1)[1])
        title = html.escape(path.strip("/").replace("-", " ").replace("/", ": "))
        slides = '<a href="slides.pdf">Slides</a>' if path.startswith("/with-slides") else ""
        return 200, "text/html; charset=utf-8", PAGE.format(title=title, slides=slides).encode()

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.hold.set()
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()
