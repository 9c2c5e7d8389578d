"""What hostile pages need: a trap inside, files that hang or explode, and a look at memory."""

import socket
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Self

from pages import pdf_page, png
from process_tree import descendants

EVERY_S = 0.1
MEGABYTE = 1024 * 1024


@contextmanager
def trap() -> Iterator[tuple[int, list[socket.socket]]]:
    """A port on loopback that is not allowed, and the connections that came to it."""
    seen: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def accept() -> None:
            while True:
                try:
                    client, _ = listener.accept()
                except OSError:
                    return
                seen.append(client)
                client.close()

        threading.Thread(target=accept, daemon=True).start()
        yield listener.getsockname()[1], seen


class Memory:
    """The memory of a process and all below it, looked at for as long as the block runs."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._look)
        self.before_bytes = self.most_bytes = self._bytes()

    @property
    def grown_bytes(self) -> int:
        return self.most_bytes - self.before_bytes

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._done.wait(EVERY_S):
            self.most_bytes = max(self.most_bytes, self._bytes())

    def _bytes(self) -> int:
        """Shared pages are counted once: by each process its part."""
        return sum(map(_proportional_bytes, [self._pid, *descendants(self._pid)]))


def _proportional_bytes(pid: int) -> int:
    with suppress(OSError):  # it has ended meanwhile
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    return 0


def hanging_pdf() -> bytes:
    """A PDF of 1 KB that takes minutes to read: 20,000 times what takes 20 ms and does nothing."""
    nothing = _stream(b"/Type /XObject /Subtype /Form /BBox [0 0 1 1]", b"q Q " * 100_000)
    return described_pdf(b"/F Do " * 20_000, b"/XObject << /F 5 0 R >>", nothing)


def slowly_drawn_pdf() -> bytes:
    """A PDF whose text is read at once, and whose only page takes minutes to draw."""
    shading = (
        b"<< /ShadingType 1 /ColorSpace /DeviceGray /Domain [0 1 0 1]"
        b" /Matrix [200 0 0 200 0 0] /Function 6 0 R >>"
    )
    function = _stream(
        b"/FunctionType 4 /Domain [0 1 0 1] /Range [0 1]",
        b"{ add " + b"0.5 add 0.5 sub " * 20_000 + b"}",
    )
    return described_pdf(b"/S sh", b"/Shading << /S 5 0 R >>", shading, function)


def exploding_pdf() -> bytes:
    """A PDF of 2 KB whose forms, each in the next ten times, take all memory there is."""
    head = b"/Type /XObject /Subtype /Form /BBox [0 0 1 1]"
    forms = [
        _stream(head + b" /Resources << /XObject << /F %d 0 R >> >>" % (6 + n), b"/F Do " * 10)
        for n in range(9)
    ]
    return described_pdf(
        b"/F Do", b"/XObject << /F 5 0 R >>", *forms, _stream(head, b"0 0 m 1 1 l S")
    )


def huge_png() -> bytes:
    """A PNG that says it has 60,000 x 60,000 pixels; what it has of them are zeros."""
    return png(60_000, 60_000, bytes(MEGABYTE), depth=1)


def _stream(entries: bytes, content: bytes) -> bytes:
    packed = zlib.compress(content, 9)
    head = b"<< %b /Filter /FlateDecode /Length %d >>" % (entries, len(packed))
    return b"%b\nstream\n%b\nendstream" % (head, packed)


def described_pdf(content: bytes, resources: bytes, *more: bytes) -> bytes:
    """A PDF of one page; ``more`` are its objects from number 5 on."""
    entries = b"/MediaBox [0 0 200 200] /Resources << %b >>" % resources
    return pdf_page(entries, _stream(b"", content), *more)
