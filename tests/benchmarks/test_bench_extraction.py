"""What each rung of the cascade costs on a page, in this process alone."""

import time
from functools import partial

import msgspec
import pytest
from adapter_jobs import jobs
from adapter_pages import page, title
from table import percentile

from eventjob.contracts.parameters import Parameters
from services.processor.extract.adapters import registry as adapters
from services.processor.extract.cascade import read_page
from services.processor.extract.html.document import Document
from services.processor.extract.markdown import main_text
from services.processor.extract.rungs import jsonld, links, microdata, opengraph, page_rules

pytestmark = pytest.mark.bench
PAGES = 300
WARM_UP = 20
URL = "http://days.example/2030/event/{}/"
EVENT_DATA = """<script type="application/ld+json">{{"@context": "https://schema.org",
"@type": "Event", "name": "{}", "startDate": "2030-02-03T10:30:00+01:00",
"performer": [{{"@type": "Person", "name": "Ada Marsh"}}]}}</script></head>"""


def with_data(name):
    """The page with an Event as JSON-LD in its head."""
    return page(name).decode().replace("</head>", EVENT_DATA.format(title(name)))


def general(document, _):
    page_rules.read(document)
    links.read(document)
    opengraph.read(document)
    microdata.read(document)


RUNGS = {
    "adapter": lambda document, _: adapters.read(document),
    "jsonld": lambda document, name: jsonld.read(document, title(name)),
    "general rules": general,
    "trafilatura": lambda document, name: main_text.read(document, title(name)),
}


def timed_ms(do):
    began = time.process_time()
    do()
    return (time.process_time() - began) * 1000


def on_each(prepared):
    """The CPU milliseconds of each call; the first ones do not count."""
    return [timed_ms(do) for do in prepared][WARM_UP:]


def test_what_each_rung_costs(table, tmp_path):
    names = [f"rung-{number}" for number in range(PAGES + WARM_UP)]
    add(table, "extraction of an adapter page, all of it", whole(names, tmp_path), "bytes to facts")
    for rung, read in RUNGS.items():
        documents = [
            Document(with_data(name), URL.format(name), title(name), "Harbour Days 2030")
            for name in names
        ]
        calls = [partial(read, *both) for both in zip(documents, names, strict=True)]
        add(table, f"  the rung {rung}", on_each(calls), "from a page that is parsed already")


def whole(names, folder):
    calls = []
    for name, job in zip(names, jobs(80, "rung", len(names)), strict=True):
        path = folder / name
        path.write_bytes(page(name))
        arguments = (path, "utf-8", URL.format(name), msgspec.json.decode(job, type=Parameters))
        calls.append(partial(read_page, *arguments))
    return on_each(calls)


def add(table, what, samples_ms, compared):
    table.add(
        what,
        samples_ms,
        "ms",
        f"{compared}; CPU time, in one process, {PAGES} pages of 4 KB shaped as FOSDEM's; "
        f"p95 {percentile(samples_ms, 95):.2f} ms",
    )
