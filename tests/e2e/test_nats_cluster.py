"""Three NATS servers under the running product, one of them killed at a time.

`EVENTJOB_TEST_LONG=1` kills six times instead of twice.
"""

import asyncio
import itertools
import os
import threading
import time
from collections import Counter, defaultdict
from itertools import pairwise

import pytest
from apart import Apart
from deployment import eventually, session, without_pauses
from ledger import Page
from logged_site import LoggedSite
from nats_cluster import NatsCluster

from eventjob.bus.errors import Unavailable
from eventjob.bus.log.log import EventLog

pytestmark = pytest.mark.long
KILLS = 6 if os.environ.get("EVENTJOB_TEST_LONG") else 2
SERVICES = (
    "api", "projector", "scheduler", "scheduler-2", "processor", "processor-2", "archiver",
)  # fmt: skip
WRITERS = 3
PAUSE_S = 0.15
JOBS = 4  # of a batch
QUIET_S = 3.0
ALONE_S = 8.0
GOES_ON_WITHIN_S = 30.0
DONE_WITHIN_S = 240


class Load:
    """Clients that write without end, and note what they were told, and when."""

    def __init__(self, up, site):
        self._up = up
        self._site = site
        self._numbers = itertools.count()
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._write) for _ in range(WRITERS)]
        self.acknowledged = {}  # group to the number of its jobs
        self.answers = Counter()
        self.moments = []  # of acknowledgements

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        for thread in self._threads:
            thread.join()

    def longest_gap_s(self, since):
        moments = sorted([since, *(m for m in self.moments if m > since)])
        return max(later - earlier for earlier, later in pairwise(moments))

    def count_since(self, moment):
        return sum(m > moment for m in self.moments)

    def _write(self):
        while not self._over.is_set():
            number = next(self._numbers)
            if number % 5:
                name = f"n{number}"
                body = {"job_id": name, **self._job(name)}
                self._once("/jobs", f"j-{name}", body, 1)
            else:
                name = f"m{number}"
                jobs = [self._job(f"{name}-{n}") for n in range(JOBS)]
                self._once("/batches", f"b-{name}", {"batch_id": name, "jobs": jobs}, JOBS)
            time.sleep(PAUSE_S)

    def _once(self, path, group, body, count):
        """One try: what is not acknowledged may be lost, or not."""
        try:
            status = self._up.post(path, body, Idempotency_Key=group).status
        except OSError as error:
            status = type(error).__name__
        self.answers[status] += 1
        if status in {201, 202}:
            self.acknowledged[group] = count
            self.moments.append(time.monotonic())

    def _job(self, name):
        return session(f"{self._site.url}/talks/{name}/", name)


async def everything(cluster):
    """What the log says of each group; each event must be one that can follow."""
    while True:
        try:
            return await _everything(cluster)
        except Unavailable as reason:
            print(f"the log is read again: {reason}")


async def _everything(cluster):
    connection = await cluster.connect()
    pages = defaultdict(Page)
    try:
        log = EventLog(connection)
        async for stretch in log.follow(0, until=await log.last_sequence()):
            for record in stretch:
                pages[record.group].take(record.n, record.event, record.sequence)
    finally:
        await connection.close()
    return pages


def kill_and_watch(cluster, load, name):
    """Kill a server, and start it again; for how long nothing was acknowledged."""
    before = time.monotonic()
    cluster.kill(name)
    eventually("writes to go on", GOES_ON_WITHIN_S, lambda: load.count_since(before + 1) > 5)
    time.sleep(QUIET_S)
    gap_s = load.longest_gap_s(before)
    cluster.start(name)
    cluster.wait_until_whole("EVENTS")
    time.sleep(QUIET_S)
    return gap_s


def break_it(cluster, load):
    """The leader of the log is killed, then another server, and so on."""
    killed, gaps = [], []
    for number in range(KILLS):
        leader = cluster.leader("EVENTS")
        others = [name for name in cluster.servers if name not in {leader, *killed[-1:]}]
        killed.append(others[0] if number % 2 else leader)
        gaps.append(f"{kill_and_watch(cluster, load, killed[-1]):.1f} s")
    print(f"killed {', '.join(killed)}; nothing acknowledged for {', '.join(gaps)}")


def check(up, cluster, load, site):
    """Each acknowledged write is in the log, is over, and can be read; each job ended once."""
    pages = {}

    def are_over():
        pages.update(asyncio.run(everything(cluster)))
        return all(page.count("w", "f", "a") == 0 for page in pages.values())

    eventually("all to end", DONE_WITHIN_S, are_over)
    lost = [group for group in load.acknowledged if group not in pages]
    jobs = sum(len(page.letters) for page in pages.values())
    asked = Counter(request.path for request in site.log if request.path.startswith("/talks/"))
    print(f"answers {dict(load.answers)}: {len(load.acknowledged)} acknowledged, {len(lost)} lost")
    print(
        f"{jobs} jobs; {sum(n > 1 for n in asked.values())} of {len(asked)} pages asked for again"
    )
    assert lost == []
    for group, count in load.acknowledged.items():
        assert pages[group].count("C") == count, group
        kind = "jobs" if group.startswith("j-") else "batches"
        assert up.patiently("GET", f"/{kind}/{group[2:]}").status == 200
    assert up.has_ended() == []


def test_nothing_acknowledged_is_lost_with_a_server(tmp_path):
    with NatsCluster(users=True) as cluster, LoggedSite() as site:
        settings = without_pauses(site.port)
        up = Apart(tmp_path, services=SERVICES, settings_of=cluster.settings_of, **settings)
        print(up.did("provision"))
        with up:
            with Load(up, site) as load:
                time.sleep(QUIET_S)
                break_it(cluster, load)
            check(up, cluster, load, site)
            up.did("rebuild", "--check")
        assert "nats.denied" not in up.log()


def test_services_wait_while_there_is_no_majority(tmp_path):
    """Before the first leader is elected, and where all servers were killed at once."""
    with NatsCluster() as cluster, LoggedSite() as site:
        settings = without_pauses(site.port)
        up = Apart(tmp_path, services=SERVICES, settings_of=cluster.settings_of, **settings)
        cluster.kill("one")
        cluster.kill("two")
        up.launch()
        try:
            time.sleep(ALONE_S)
            assert up.has_ended() == []
            cluster.start("one")
            cluster.start("two")
            eventually("readiness", GOES_ON_WITHIN_S, up.is_ready)
            with Load(up, site) as load:
                eventually("some writes", GOES_ON_WITHIN_S, lambda: len(load.moments) > 10)
                for name in cluster.servers:
                    cluster.kill(name)
                for name in cluster.servers:
                    cluster.start(name)
                dark = time.monotonic()
                eventually("more", 2 * GOES_ON_WITHIN_S, lambda: load.count_since(dark + 1) > 10)
            check(up, cluster, load, site)
        finally:
            up.stop()
