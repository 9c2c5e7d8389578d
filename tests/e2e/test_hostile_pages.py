"""Hostile pages, through the whole machine: each ends with its code, and reaches nothing inside."""

import gzip
import time
from pathlib import Path

import pytest
from deployment import Up, eventually
from hostile import MEGABYTE, Memory, job, trap
from pages import Site

ZEROS_MB = 100


class HostileSite(Site):
    """Pages that lead astray, never end, or explode."""

    def __init__(self, inside):
        super().__init__()
        self.bomb = gzip.compress(bytes(ZEROS_MB * 1024 * 1024))
        self.inside = f"http://127.0.0.1:{inside}"

    def respond(self, handler):
        path = handler.path
        match path.strip("/"):
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
            case "attachments-inside":
                links = f'<a href="{self.inside}/slides.pdf">Slides</a>'
                image = f'<img src="{self.inside}/x.png" alt="x">'
                body = self.answer("/talk")[2].replace(
                    b"</main>", f"{links}{image}</main>".encode()
                )
                handler.send(200, "text/html", body)
            case _:
                handler.send(*self.answer(path))


WAYS = {
    "redirect-inside": "blocked_address",
    "redirect-to-metadata": "blocked_address",
    "loop": "redirect_loop",
    "bomb": "too_large",
    "drip": "timeout",
    "missing": "http_404",
}


@pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="it reads /proc")
def test_hostile_pages_end_with_their_cause_and_reach_nothing_inside(tmp_path):
    with trap() as (inside, reached), HostileSite(inside) as site:
        settings = {
            "EVENTJOB_FETCH_ALLOW": f"127.0.0.1/32:{site.port}",
            "EVENTJOB_FETCH_DELAY_S": "0",
            "EVENTJOB_FETCH_PER_HOST": "8",
            "EVENTJOB_FETCH_PAGE_S": "8",
            "EVENTJOB_FETCH_READ_S": "5",
            "EVENTJOB_MAX_ATTEMPTS": "1",
        }
        with Up(tmp_path, **settings) as up, Memory(up.children()["processor"][0]) as memory:
            jobs = [job(site.url, name) for name in WAYS]
            jobs.append(job(site.url, "attachments-inside", attachments_url=f"{site.inside}/a.pdf"))
            began = time.monotonic()
            up.post("/batches", {"batch_id": "hostile", "jobs": jobs})
            eventually(
                "the batch",
                40,
                lambda: up.get("/batches/hostile").json["batch"]["status"] != "processing",
            )
            print(f"ended in {time.monotonic() - began:.1f} s")
            found = {j["parameters"]["session"]: j for j in up.get("/jobs?limit=50").json["jobs"]}
            codes = {name: found[name]["error"]["code"] for name in WAYS}
            assert codes == WAYS, {name: found[name]["error"] for name in WAYS}
            inside_job = up.get(f"/jobs/{found['attachments-inside']['job_id']}").json["job"]
            assert inside_job["status"] == "completed"
            assert inside_job["results"]["assets"] == []
            warned = [e for e in inside_job["log_entries"] if e["level"] == "warning"]
            assert len(warned) >= 2, inside_job["log_entries"]
        assert reached == []
        assert memory.grown_bytes < 200 * MEGABYTE
