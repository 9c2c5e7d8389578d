"""What pages declare for machines, and when that is believed."""

import msgspec
import pytest
from fakes_processor import parameters
from tables import row, table

from services.processor.extract import cascade
from services.processor.extract.facts import Facts, Speaker, Video
from services.processor.extract.html.document import Document
from services.processor.extract.page import build_page
from services.processor.extract.rungs import job_parameters, jsonld, microdata, opengraph

URL = "https://conf.example/2030/talks/why/"
ABSTRACT = "This talk explains why tests fail, and what everybody can do about it."


def document(html, session="something else", event=""):
    return Document(html, URL, session, event)


MICRODATA = """<h1>Why tests fail</h1><div itemscope itemtype="http://schema.org/{kind}"><b
itemprop="name">{name}</b><meta itemprop="startDate" content="2030-06-13T11:00+02:00"><time
itemprop="endDate" datetime="{end}">x</time><div itemprop="location" itemscope
itemtype="http://schema.org/Place"><span itemprop="name">Janson</span><i itemprop="address">X</i>
</div><p itemprop="description">Short.</p><div itemprop="performer" itemscope
itemtype="http://schema.org/Person"><a itemprop="name url" href="/ada">Ada</a></div><div
itemprop="performer" itemscope><span itemprop="name">Grace</span></div><div itemprop="organizer"
itemscope><span itemprop="name">Acme</span></div></div>"""


@pytest.mark.parametrize("kind", ["Event", "EducationEvent", "Event/"])
def test_an_event_in_microdata_is_read(kind):
    html = MICRODATA.format(kind=kind, name="why tests fail?", end="2030-06-13T11:45+02:00")
    facts = microdata.read(document(html))
    assert (facts.title, facts.room, facts.abstract) == ("Why tests fail", "Janson", "Short.")
    assert facts.start == "2030-06-13T11:00:00+02:00"
    assert facts.end == "2030-06-13T11:45:00+02:00"
    assert [speaker.name for speaker in facts.speakers] == ["Ada", "Grace"]


@table(
    "kind, name, end",
    row("another name", "Event", "PyConf 2030", "2030-06-13T11:45"),
    row("many days", "Event", "Why tests fail", "2030-06-17"),
    row("no event", "Offer", "Why tests fail", "2030-06-13T11:45"),
    row("no name", "Event", "", "2030-06-13T11:45"),
)
def test_microdata_of_something_else_is_not_believed(kind, name, end):
    html = MICRODATA.format(kind=kind, name=name, end=end)
    assert microdata.read(document(html)) == Facts()


def test_an_item_within_itself_ends():
    html = '<h1>Why</h1><div itemscope itemprop="name" itemtype="http://schema.org/Event">Why</div>'
    assert microdata.read(document(html)) == Facts()


def ld(**event):
    text = msgspec.json.encode({"@type": "Event", "name": "Why tests fail", **event}).decode()
    return f'<h1>Why tests fail</h1><script type="application/ld+json">{text}</script>'


def test_json_ld_also_says():
    html = ld(
        identifier="7",
        inLanguage={"@type": "Language", "name": "German"},
        keywords="ci, flaky",
        location=[
            {"@type": "VirtualLocation", "url": "/live"},
            {"@type": "Place", "name": "Janson"},
        ],
        organizer={"name": "Acme"},
        actors=["Ada"],
        recordedIn={"contentUrl": "/x.mp4", "embedUrl": "javascript:alert(1)"},
    )
    facts = jsonld.read(document(html))
    assert (facts.id, facts.language, facts.tags) == ("7", "de", ("ci", "flaky"))
    assert (facts.room, facts.speakers) == ("Janson", (Speaker("Ada"),))
    assert facts.videos == (Video("https://conf.example/x.mp4", "video/mp4", "recording"),)


@table(
    "html, session, event",
    row("in the window's title", "<title>Why | PyConf</title><h1>Why</h1>", "x", ""),
    row("the banner", "<h1>PyConf</h1><h2>Why</h2>", "Why", ""),
    row("as the job says", "<title>PyConf</title><div id=app></div>", "x", "PyConf"),
    row("the site", '<meta property="og:site_name" content="PyConf"><h1>PyConf</h1>', "x", ""),
)
def test_an_event_with_the_conferences_name_is_not_believed(html, session, event):
    page = document(html + ld(name="PyConf").partition("</h1>")[2], session, event)
    assert jsonld.read(page) == Facts()


def og(**properties):
    return "".join(
        f'<meta property="{name.replace("_", ":", 1)}" content="{value}">'
        for name, value in properties.items()
    )


def test_what_is_shared_is_believed_where_the_page_bears_it_out():
    html = og(og_title="Why tests fail - PyConf", og_description=ABSTRACT, author="Ada Lovelace")
    html += og(og_video="/embed/7") + '<meta property="og:site_name" content="PyConf">'
    facts = opengraph.read(
        document(f"{html}<h1>Why tests fail</h1><b>Ada Lovelace</b><p>{ABSTRACT}</p>")
    )
    assert (facts.title, facts.abstract) == ("Why tests fail", ABSTRACT)
    assert facts.speakers == (Speaker("Ada Lovelace"),)
    assert facts.videos == (Video("https://conf.example/embed/7", None, "embed"),)


@table(
    "html",
    row("the site's description", og(og_description=ABSTRACT)),
    row("a slogan", og(og_description="Why tests fail")),
    row("cut", og(og_description=f"{ABSTRACT[:60]}...") + f"<p>{ABSTRACT}</p>"),
    row("an author whom the page does not name", og(author="Ada Lovelace")),
    row("the site", og(author="PyConf", og_site_name="PyConf") + "<b>PyConf</b>"),
)
def test_what_is_shared_is_not_believed(html):
    assert opengraph.read(document(f"{html}<h1>Why tests fail</h1>")) == Facts()


def test_the_shared_description_of_the_jobs_session_is_its_abstract():
    html = og(og_title="Why tests fail", og_description=ABSTRACT) + "<div id=app></div>"
    assert opengraph.read(document(html, "Why tests fail")).abstract == ABSTRACT


@table(
    "day, times, start, end",
    ("2030-06-13", ("11:00", "11:45"), "2030-06-13T11:00:00", "2030-06-13T11:45:00"),
    ("2030-06-13", ("23:30", "00:15"), "2030-06-13T23:30:00", "2030-06-14T00:15:00"),
    ("2030-06-13", ("11:00", None), "2030-06-13T11:00:00", None),
    ("2030-06-13", (None, "11:45"), None, None),
    ("Saturday", ("11:00", "11:45"), None, None),
    (None, ("11:00", "11:45"), None, None),
)
def test_the_jobs_date_and_times_are_a_moment(day, times, start, end):
    facts = job_parameters.read(
        parameters(day=day, starttime=times[0], endtime=times[1]), document("")
    )
    assert (facts.start, facts.end) == (start, end)


@table(
    "html, is_session",
    ("<h1>Another</h1><dl><dt>Speaker<dd>Ada<dt>Room<dd>Janson</dl>", True),
    ("<h1>Another</h1><dl><dt>Room<dd>Janson</dl>", False),
)
def test_who_speaks_where_is_a_session(tmp_path, html, is_session):
    path = tmp_path / "page"
    path.write_text(html)
    page = build_page(cascade.read_page(path, None, URL, parameters()))
    assert page.is_session is is_session
