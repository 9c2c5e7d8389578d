"""Pages and files that hang, explode or lead inside: each ends in time, and harms nobody else."""

import time
from pathlib import Path

import pytest
from deployment import Up, eventually
from hostile import (
    MEGABYTE,
    Memory,
    exploding_pdf,
    hanging_pdf,
    huge_png,
    job,
    slowly_drawn_pdf,
    trap,
)
from pages import Site

WITHIN_S = 240
MOST_BYTES = 200 * MEGABYTE
PAGE_BYTES = 5 * MEGABYTE
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
    """Serves all of it."""

    def __init__(self, inside: int) -> None:
        super().__init__()
        self.inside = f"http://127.0.0.1:{inside}"

    def answer(self, path):
        name = path.strip("/")
        if path in FILES:
            return 200, *FILES[path]
        if name in PAGES:
            return 200, "text/html", PAGES[name].encode()
        status, kind, body = super().answer(path)
        links = INSIDE.format(inside=self.inside) if name == "inside" else LINKS.get(name, "")
        return status, kind, body.replace(b"</main>", f"{links}</main>".encode())


@pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="it reads /proc")
def test_hostile_files_end_in_time_and_harm_nobody(tmp_path):
    assert PAGE_BYTES * 0.8 < len(PAGES["paragraphs"]) < PAGE_BYTES
    with trap() as (inside, reached), HostileSite(inside) as site:
        settings = {
            "EVENTJOB_FETCH_ALLOW": f"127.0.0.1/32:{site.port}",
            "EVENTJOB_FETCH_DELAY_S": "0",
            "EVENTJOB_FETCH_PER_HOST": "8",
            "EVENTJOB_MAX_ATTEMPTS": "1",
        }
        names = [*PAGES, *LINKS, "with-slides"]
        jobs = [job(site.url, name) for name in names]
        jobs.append(job(site.url, "inside", attachments_url=f"{site.inside}/a.pdf"))
        with Up(tmp_path, **settings) as up, Memory(up.children()["processor"][0]) as memory:
            began = time.monotonic()
            up.post("/batches", {"batch_id": "hostile", "jobs": jobs})
            eventually(
                "the batch",
                WITHIN_S,
                lambda: up.get("/batches/hostile").json["batch"]["status"] != "processing",
            )
            print(f"ended in {time.monotonic() - began:.0f} s, grew by", end=" ")
            print(f"{memory.grown_bytes / MEGABYTE:.0f} MB over {memory.before_bytes // MEGABYTE}")
            listed = up.get("/jobs?limit=50").json["jobs"]
            found = {
                one["parameters"]["session"]: up.get(f"/jobs/{one['job_id']}").json["job"]
                for one in listed
            }
        check_pages(found)
        check_files(found)
        assert reached == []
        assert memory.grown_bytes < MOST_BYTES


def check_pages(found):
    """A page that is too much fails its job with its cause, or completes."""
    for name in PAGES:
        ended = found[name]
        code = ended["error"]["code"] if ended["status"] == "failed" else None
        print(name, ended.get("error"))
        assert code in {None, "extraction_timeout", "extraction_failed", "thin_content"}, ended


def check_files(found):
    """A file that is too much is a warning."""
    for name, (warning, files) in WARNED.items():
        ended = found[name]
        assert ended["status"] == "completed", ended["error"]
        warnings = [line["message"] for line in ended["log_entries"] if line["level"] == "warning"]
        assert any(warning in line for line in warnings), warnings
        assert [path.rpartition("/")[2] for path in ended["results"]["assets"]] == files
    assert found["inside"]["results"]["assets"] == []
    warnings = found["inside"]["results"]["structured_data"]["extraction"]["warnings"]
    blocked = {url for url in INSIDE_FILES if any(blocks(line, url) for line in warnings)}
    assert blocked == INSIDE_FILES, warnings
    assert found["with-slides"]["results"]["page_texts"] == ["slides.pdf"]


def blocks(warning, name):
    return f"/{name}: blocked_address" in warning
