"""Job parameters: those of the sample's programme, and those guessed from an address."""

import pytest
from tables import row, table

from demo import DemoFailed
from demo.any_page import guess_parameters
from demo.programme import load_programme

SITE = "http://127.0.0.1:8301/"


def test_the_programme_has_every_session_in_order():
    name, plans = load_programme(SITE)
    assert name == "Harbour Conf 2026"
    assert len(plans) == 12
    begin = [(plan.parameters["day"], plan.parameters["starttime"]) for plan in plans]
    assert begin == sorted(begin)  # Friday is before Saturday in the alphabet, too
    assert {plan.error_code for plan in plans} == {None, "http_404", "thin_content"}
    assert len({plan.parameters["filename"] for plan in plans}) == 12


def test_a_session_is_described_in_full():
    _, plans = load_programme(SITE)
    assert plans[4].parameters == {
        "event": "Harbour Conf 2026",
        "session": "Tide Tables in Two Hundred Lines of Python",
        "url": f"{SITE}2026/schedule/event/tide-tables-in-python/",
        "filename": "tide-tables-in-python.md",
        "track": "Data",
        "day": "Friday",
        "starttime": "14:45",
        "endtime": "15:30",
        "speakers": ["Marit Dragović"],
        "video_url": f"{SITE}2026/media/tide-tables.webm",
        "attachments_url": f"{SITE}2026/files/tide-tables-in-python.pdf",
        "source_language": "en",
    }


@table(
    "url, event, session, filename",
    row(
        "a year in the path belongs to the event",
        "https://fosdem.org/2025/schedule/event/fosdem-2025-6713-closing/",
        "fosdem.org 2025",
        "Fosdem 2025 6713 closing",
        "fosdem-2025-6713-closing.md",
    ),
    row(
        "a code is kept as file name",
        "https://pretalx.com/democon/talk/33JV8F/",
        "pretalx.com",
        "33jv8f",
        "33JV8F.md",
    ),
    row(
        "no www, no extension, no fragment",
        "https://www.conf.example/talks/My_first_talk.html?lang=en#top",
        "conf.example",
        "My first talk lang en",
        "My_first_talk-lang-en.md",
    ),
    row(
        "a query tells pages apart; the year is said once",
        "http://conf2024.example/2024/index.php?talk=42",
        "conf2024.example",
        "Index talk 42",
        "index-talk-42.md",
    ),
    row(
        "a name is read, not quoted",
        "https://conf.example/talks/gr%C3%B6%C3%9Fe",
        "conf.example",
        "Größe",
        "größe.md",
    ),
    row(
        "a host alone is the session, too",
        "https://Conf.example",
        "conf.example",
        "Conf.example",
        "conf.example.md",
    ),
)
def test_a_page_is_described_by_its_address(url, event, session, filename):
    assert guess_parameters(url) == {
        "event": event,
        "session": session,
        "url": url,
        "filename": filename,
        "track": "Sessions",
    }


@table("url", "https://a.example/---", "https://a.example/%20", "https://a.example/.md")
def test_every_address_gives_names_that_are_not_empty(url):
    parameters = guess_parameters(url)
    assert all(str(parameters[name]).strip() for name in ("event", "session", "filename"))


@table(
    "url, reason",
    ("fosdem.org/2025", "starts with '' instead of http or https"),
    ("https:///talk", "where a host is expected"),
    ("https://me:secret@fosdem.org/", "user info"),
)
def test_what_is_no_address_is_refused(url, reason):
    with pytest.raises(DemoFailed, match=f"--url: .*{reason}") as refused:
        guess_parameters(url)
    assert "secret" not in str(refused.value)
