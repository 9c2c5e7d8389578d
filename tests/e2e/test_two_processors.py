"""Two processors at one host: what its own log says of their manners."""

from itertools import pairwise

import pytest
from deployment import Up, session
from logged_site import LoggedSite

pytestmark = pytest.mark.long

DELAY_S = 0.2
SMALLEST_GAP_S = 0.15
DONE_WITHIN_S = 120
TALKS = 24


def settings(*sites, **more):
    return {
        "EVENTJOB_FETCH_ALLOW": ",".join(f"127.0.0.1/32:{site.port}" for site in sites),
        "EVENTJOB_FETCH_DELAY_S": str(DELAY_S),
        "EVENTJOB_PROCESSORS": "2",
        "EVENTJOB_CONCURRENCY": "8",
        "EVENTJOB_RETRY_BASE_S": "0.2",
        **more,
    }


def run(up, urls):
    """The jobs of a batch of these sessions, once all have ended."""
    ids = up.submit("b", [session(url, f"{n}") for n, url in enumerate(urls)])
    up.finish("b", DONE_WITHIN_S)
    return [up.get(f"/jobs/{job_id}").json["job"] for job_id in ids]


def gaps(log):
    return [later.at - earlier.at for earlier, later in pairwise(sorted(log))]


def paths(site):
    return {request.path for request in site.log}


def test_two_processors_keep_the_pause_and_heed_robots_txt(tmp_path):
    with LoggedSite() as site, Up(tmp_path, **settings(site)) as up:
        assert len(up.children()["processor"]) == 2
        folders = ["talks", "talks", "moved"] * (TALKS // 3)
        urls = [f"{site.url}/{folder}/{n}/" for n, folder in enumerate(folders)]
        *jobs, forbidden = run(up, [*urls, f"{site.url}/forbidden/1/"])
    assert {job["status"] for job in jobs} == {"completed"}
    assert forbidden["error"]["code"] == "disallowed"
    assert not any(path.startswith("/forbidden") for path in paths(site))
    assert len(site.log) >= TALKS * 3 + TALKS // 3
    assert min(gaps(site.log)) >= SMALLEST_GAP_S, sorted(gaps(site.log))[:10]


class OverloadedSite(LoggedSite):
    """Says at its 10th and 30th request that it wants to be left alone for 2 s."""

    def reply(self, path):
        if len(self.log) in {10, 30}:
            return 429, {"Retry-After": "2"}, b""
        return super().reply(path)


def test_a_host_that_asks_for_silence_has_it_from_all(tmp_path):
    with OverloadedSite() as site, Up(tmp_path, **settings(site)) as up:
        jobs = run(up, [f"{site.url}/talks/{n}/" for n in range(15)])
    assert {job["status"] for job in jobs} == {"completed"}
    log = sorted(site.log)
    silences = [b.at - a.at for a, b in pairwise(log) if a.status == 429]
    assert len(silences) == 2
    assert min(silences) >= 2.0
    assert min(gaps(log)) >= SMALLEST_GAP_S


class LinkingSite(LoggedSite):
    """Its slides lie on another site, where some of them are forbidden or moved."""

    def __init__(self, other):
        super().__init__()
        self._other = other

    def reply(self, path):
        status, fields, body = super().reply(path)
        folder = "forbidden" if "/1/" in path else "moved"
        elsewhere = f'href="http://localhost:{self._other.port}/{folder}{path}slides.pdf"'
        return status, fields, body.replace(b'href="slides.pdf"', elsewhere.encode())


@pytest.mark.parametrize(("asked_s", "pause_s"), [(1, 1.0), (0.1, DELAY_S)])
def test_a_host_of_attachments_has_its_own_rules_and_pace(tmp_path, asked_s, pause_s):
    robots = f"User-agent: *\nCrawl-delay: {asked_s}\nDisallow: /forbidden\n".encode()
    with (
        LoggedSite(robots) as files,
        LinkingSite(files) as site,
        Up(tmp_path, **settings(site, files)) as up,
    ):
        jobs = run(up, [f"{site.url}/talks/{n}/" for n in range(4)])
    assert {job["status"] for job in jobs} == {"completed"}
    slides = [job["results"]["structured_data"]["slides"] for job in jobs]
    assert ["path" in slide for (slide,) in slides] == [True, False, True, True]
    assert "/robots.txt" in paths(files)
    assert not any(path.startswith("/forbidden") for path in paths(files))
    assert len(files.log) >= 1 + 2 * 3
    visits = [request for request in files.log if request.path != "/robots.txt"]
    assert min(gaps(visits)) >= pause_s - (DELAY_S - SMALLEST_GAP_S)
