"""Pages and files that lead inside, hang or explode: each ends with its cause, in time."""

import gzip
import time
from pathlib import Path

import pytest
from deployment import Up, session
from hostile import (
    MEGABYTE,
    Memory,
    exploding_pdf,
    hanging_pdf,
    huge_png,
    slowly_drawn_pdf,
    trap,
)
from pages import Site

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/smaps_rollup").exists(), reason="it reads /proc"
)
MOST_BYTES = 200 * MEGABYTE
PAGE_BYTES = 5 * MEGABYTE
# pages that fail, and with which code
WAYS = {
    "redirect-inside": "blocked_address",
    "redirect-to-metadata": "blocked_address",
    "loop": "redirect_loop",
    "bomb": "too_large",
    "drip": "timeout",
    "missing": "http_404",
}
PAGES = {
    "paragraphs": "<main><h1>paragraphs</h1>" + "<p>wor wor wor wor</p>" * 200_000,
    "nested": "<h1>nested</h1>" + "<div>" * 50_000,
}
LINKS = {
    "hangs": '<a href="hangs.pdf">Slides</a>',
    "draws": '<a href="draws.pdf">Slides</a>',
    "explodes": '<a href="explodes.pdf">Slides</a>',
    "huge": '<img src="huge.png" alt="a wall">',
    "page-as-pdf": '<a href="page.pdf">Slides</a>',
}
INSIDE = """<a href="{inside}/slides.pdf">Slides</a> <a href="{inside}/talk.en.vtt">Subtitles</a>
<video><track src="{inside}/captions.vtt" srclang="en"></video> <img src="{inside}/x.png" alt="x">
<a href="{inside}/schedule.xml">Schedule</a>"""
INSIDE_FILES = {"slides.pdf", "talk.en.vtt", "captions.vtt", "x.png", "schedule.xml", "a.pdf"}
FILES = {
    "/hangs.pdf": ("application/pdf", hanging_pdf()),
    "/draws.pdf": ("application/pdf", slowly_drawn_pdf()),
    "/explodes.pdf": ("application/pdf", exploding_pdf()),
    "/huge.png": ("image/png", huge_png()),
    "/page.pdf": ("application/pdf", b"<html>Please log in"),
}
# What the log of a job that completes says of its file, and of which files it has then
WARNED = {
    "hangs": ("pdf_unreadable: not done within 20 s", ["Slides.pdf"]),
    "draws": ("previews_incomplete: 0 of 1 pages: not done within 20 s", ["Slides.pdf"]),
    "explodes": ("pdf_unreadable: ", ["Slides.pdf"]),
    "huge": ("image_too_large: 60000 x 60000 pixels", []),
    "page-as-pdf": ("wrong_type: it is text/html", []),
}


class HostileSite(Site):
    """Serves all of it; ``inside`` is a port that is not allowed."""

    def __init__(self, inside):
        super().__init__()
        self.inside = f"http://127.0.0.1:{inside}"
        self.bomb = gzip.compress(bytes(100 * MEGABYTE))

    def respond(self, handler):
        match handler.path.strip("/"):
            case "redirect-inside":
                handler.redirect(f"{self.inside}/secret")
            case "redirect-to-metadata":
                handler.redirect("http://169.254.169.254/latest/meta-data/")
            case "loop":
                handler.redirect("/loop")
            case "bomb":
                handler.send(200, "text/html", self.bomb, encoding="gzip")
            case "drip":
                handler.drip()
            case _:
                super().respond(handler)

    def answer(self, path):
        name = path.strip("/")
        if path in FILES:
            return 200, *FILES[path]
        if name in PAGES:
            return 200, "text/html", PAGES[name].encode()
        status, kind, body = super().answer(path)
        links = INSIDE.format(inside=self.inside) if name == "inside" else LINKS.get(name, "")
        return status, kind, body.replace(b"</main>", f"{links}</main>".encode())


def ended(folder, *names, **settings):
    """The jobs of these pages, and one with files at private addresses, which stay out of reach."""
    with trap() as (inside, reached), HostileSite(inside) as site:
        settings |= {
            "EVENTJOB_FETCH_ALLOW": f"127.0.0.1/32:{site.port}",
            "EVENTJOB_FETCH_DELAY_S": "0",
            "EVENTJOB_FETCH_PER_HOST": "8",
            "EVENTJOB_MAX_ATTEMPTS": "1",
        }
        jobs = [session(f"{site.url}/{name}", name) for name in names]
        jobs.append(session(f"{site.url}/inside", "in", attachments_url=f"{site.inside}/a.pdf"))
        with Up(folder, **settings) as up, Memory(up.children()["processor"][0]) as memory:
            began = time.monotonic()
            ids = up.submit("hostile", jobs)
            up.finish("hostile", 240)
            print(f"ended in {time.monotonic() - began:.0f} s")
            found = [up.get(f"/jobs/{job_id}").json["job"] for job_id in ids]
        assert reached == []
        assert memory.grown_bytes < MOST_BYTES
    *others, inside = found
    assert inside["status"] == "completed"
    assert inside["results"]["assets"] == []
    warnings = inside["results"]["structured_data"]["extraction"]["warnings"]
    for name in INSIDE_FILES:
        assert any(f"/{name}: blocked_address" in line for line in warnings), (name, warnings)
    return dict(zip(names, others, strict=True))


def test_hostile_pages_end_with_their_cause_and_reach_nothing_inside(tmp_path):
    quick = {"EVENTJOB_FETCH_PAGE_S": "8", "EVENTJOB_FETCH_READ_S": "5"}
    found = ended(tmp_path, *WAYS, **quick)
    assert {name: job["error"]["code"] for name, job in found.items()} == WAYS


@pytest.mark.long
def test_hostile_files_end_in_time_and_harm_nobody(tmp_path):
    assert PAGE_BYTES * 0.8 < len(PAGES["paragraphs"]) < PAGE_BYTES
    found = ended(tmp_path, *PAGES, *LINKS, "with-slides")
    for name in PAGES:  # fails with its cause, or completes
        code = found[name]["error"]["code"] if found[name]["status"] == "failed" else None
        assert code in {None, "extraction_timeout", "extraction_failed", "thin_content"}, found[
            name
        ]
    for name, (warning, files) in WARNED.items():
        job = found[name]
        assert job["status"] == "completed", job["error"]
        warnings = [line["message"] for line in job["log_entries"] if line["level"] == "warning"]
        assert any(warning in line for line in warnings), warnings
        assert [path.rpartition("/")[2] for path in job["results"]["assets"]] == files
    assert found["with-slides"]["results"]["page_texts"] == ["slides.pdf"]
