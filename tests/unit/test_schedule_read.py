"""Schedules of every format become the same facts, and broken ones are refused with a reason."""

import msgspec
import pytest
from tables import table

from services.processor.extract.facts import Facts, FileLink, License, Link, Speaker, Video
from services.processor.schedule.read import read_schedule
from services.processor.schedule.scheduled_session import Unreadable

URL = "https://conf.example/2030/schedule/xml"
XML = """<?xml version="1.0" encoding="UTF-8"?>
<schedule><conference><title>{conference}</title>{zone}<day_change>09:00:00</day_change>
</conference><day index="1" date="2030-02-02"><room name="Hall"><event id="7" guid="g-7">{date}
<start>{start}</start><duration>{duration}</duration><room/><slug>tides</slug>
<url>https://conf.example/2030/schedule/event/tides/</url><title>Tides &amp; Times</title>
<subtitle> and more </subtitle><track>Sea</track><type>talk</type><language>en</language>
<abstract>&lt;p&gt;About &lt;b&gt;tides&lt;/b&gt;.&lt;/p&gt;</abstract>
<description>Plain *text*</description><recording><license>CC BY 4.0</license>
<optout>false</optout></recording><persons><person id="1">Ada</person><person> </person></persons>
<attachments><attachment type="slides" href="/files/tides.pdf">The deck</attachment>
<attachment href="javascript:alert(1)">No</attachment></attachments>
<links><link href="https://v.example/tides.webm">Video</link></links></event></room></day></schedule>
"""


@pytest.fixture
def read(tmp_path):
    def read(text):
        path = tmp_path / "schedule"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return [msgspec.msgpack.decode(e.facts, type=Facts) for e in read_schedule(path, URL)]

    return read


def xml(**changes):
    fields = {"conference": "Conf", "zone": "", "date": "", "start": "10:00", "duration": "00:30"}
    return XML.format(**fields | changes)


def test_an_event_in_xml_is_all_that_is_said_of_it(read):
    [facts] = read(xml(zone="<time_zone_name>Europe/Vienna</time_zone_name>"))
    video = "https://v.example/tides.webm"
    assert facts == Facts(
        id="g-7",
        title="Tides & Times",
        subtitle="and more",
        type="talk",
        abstract="About tides.",
        body="About **tides**.\n\nPlain *text*",
        speakers=(Speaker("Ada"),),
        track="Sea",
        room="Hall",
        language="en",
        start="2030-02-02T10:00:00+01:00",
        end="2030-02-02T10:30:00+01:00",
        timezone="Europe/Vienna",
        do_not_record=False,
        license=License("CC BY 4.0", "schedule"),
        videos=(Video(video, "video/webm", "recording"),),
        files=(FileLink("slides", "https://conf.example/files/tides.pdf", "The deck", "schedule"),),
        links=(Link("Video", video),),
    )


@table(
    "changes, start, end",
    ({}, "2030-02-02T10:00:00", "2030-02-02T10:30:00"),
    ({"conference": "FOSDEM 2030"}, "2030-02-02T10:00:00+01:00", "2030-02-02T10:30:00+01:00"),
    ({"start": "01:00"}, "2030-02-03T01:00:00", "2030-02-03T01:30:00"),
    ({"start": "23:30", "duration": "49:00"}, "2030-02-02T23:30:00", "2030-02-05T00:30:00"),
    ({"duration": "00:45:00"}, "2030-02-02T10:00:00", "2030-02-02T10:45:00"),
    ({"duration": "01:00:00"}, "2030-02-02T10:00:00", None),
    ({"duration": "soon"}, "2030-02-02T10:00:00", None),
    ({"start": "later"}, None, None),
    (
        {"date": "<date>2030-07-01T12:00:00+02:00</date>"},
        "2030-07-01T12:00:00+02:00",
        "2030-07-01T12:30:00+02:00",
    ),
    (
        {"zone": "<time_zone_name>Mars/Phobos</time_zone_name>"},
        "2030-02-02T10:00:00",
        "2030-02-02T10:30:00",
    ),
    (
        {
            "zone": "<time_zone_name>Europe/Vienna</time_zone_name>",
            "date": "<date>2030-03-31T01:30:00</date>",
            "duration": "01:00",
        },
        "2030-03-31T01:30:00+01:00",
        "2030-03-31T03:30:00+02:00",
    ),
)
def test_an_event_is_at(read, changes, start, end):
    [facts] = read(xml(**changes))
    assert (facts.start, facts.end) == (start, end)


def test_a_talk_about_document_types_declares_none(read):
    text = "<![CDATA[Why <!DOCTYPE html> and <!ENTITY a>]]>"
    [facts] = read(xml().replace("Plain *text*", text))
    assert "DOCTYPE" in facts.body


def test_an_event_in_json_has_what_is_of_the_right_kind(read):
    event = {
        "title": {"en": "Tides", "de": "Gezeiten"},
        "id": 7,
        "date": "2030-02-02T10:00:00+01:00",
        "duration": "00:30",
        "track": None,
        "language": ["en"],
        "persons": [{"public_name": "Ada", "biography": "<p>Wrote</p>"}, "Grace", {"id": 1}],
        "links": [{"url": "/more", "title": "More"}, {"title": "nowhere"}],
        "do_not_record": "yes",
    }
    conference = {"days": [{"date": "2030-02-02", "rooms": {"Hall": [event, {"title": " "}, 7]}}]}
    [facts] = read(msgspec.json.encode({"schedule": {"conference": conference}}))
    assert facts == Facts(
        id="7",
        title="Tides",
        speakers=(Speaker("Ada", None, "Wrote"),),
        room="Hall",
        start="2030-02-02T10:00:00+01:00",
        end="2030-02-02T10:30:00+01:00",
        links=(Link("More", "https://conf.example/more"),),
    )


@table(
    "abstract, body",
    ("See <https://o.example/a> and **bold**", "See &lt;https://o.example/a> and **bold**"),
    ("A `Vec<T>` of it", "A `Vec<T>` of it"),
    ("Why <b>bold</b>", "Why **bold**"),
    ("Quotes <!DOCTYPE html>", "Quotes &lt;!DOCTYPE html>"),
)
def test_markdown_is_told_from_html(read, abstract, body):
    events = [{"title": "Tides", "abstract": abstract}]
    [facts] = read(
        msgspec.json.encode({"schedule": {"conference": {"title": "C"}, "events": events}})
    )
    assert facts.body == body


NO_SCHEDULE = """{ [] <html></html> <schedule><day></schedule> <schedule></schedule>
    <schedule>&a;</schedule>"""


@table(
    "text",
    *NO_SCHEDULE.split(),
    "",
    "{" + '"schedule":{' * 5000,
    '{"schedule": {"conference": {"days": []}}}',
    '<!DOCTYPE s [<!ENTITY a "aaaa">]><schedule>&a;</schedule>',
    '<?xml version="1.0" encoding="nonsense"?><schedule/>',
    b"<schedule>\xff</schedule>",
)
def test_what_is_no_schedule_is_refused(read, text):
    with pytest.raises(Unreadable):
        read(text)
