"""What the Markdown says in words, from what is known, and says once."""

from pathlib import Path

from fakes_processor import PARAMETERS
from tables import row, table

from eventjob.domain.names import session_paths
from services.processor.compose.files import use_local_pictures
from services.processor.compose.repeated import drop_repeats
from services.processor.compose.texts import (
    format_biographies,
    format_further_links,
    format_overview,
    format_texts,
    format_time,
    format_videos,
)
from services.processor.extract.facts import Facts, FileLink, Speaker
from services.processor.files.session_files import DownloadedFile, SessionFiles

START = "2025-02-02T09:50:00+01:00"
URL = "https://conf.example/talk"


@table(
    "front, said",
    ({"start": START}, "Sunday, 2 February 2025, 09:50 (UTC+0100)"),
    (
        {"start": START, "end": "2025-02-02T10:10:00+01:00", "timezone": "Europe/Brussels"},
        "Sunday, 2 February 2025, 09:50\u201310:10 (Europe/Brussels)",
    ),
    (
        {"start": "2025-02-02T23:00:00", "end": "2025-02-03T01:00:00"},
        "Sunday, 2 February 2025, 23:00\u2013Monday, 3 February 2025, 01:00",
    ),
    ({"start_raw": "Sunday 09:50", "end_raw": "10:10"}, "Sunday 09:50\u201310:10"),
    ({}, ""),
)
def test_times_are_written_as_people_write_them(front, said):
    assert format_time(front) == said


def test_the_overview_has_what_is_known():
    front = {
        "event": {"name": "Conf *2030*"},
        "session": {"url": URL},
        "speakers": [{"name": "A_", "url": "https://conf.example/a"}, {"name": "B"}],
        "license": {"value": "CC-BY 4.0", "source": "x"},
    }
    assert format_overview(front).split("\n") == [
        r"- **Event:** Conf \*2030\*",
        r"- **Speakers:** [A\_](https://conf.example/a), B",
        "- **Licence:** CC-BY 4.0",
        f"- **Source:** [{URL}]({URL})",
    ]


@table(
    "abstract, body, sections",
    ("A b c", "A *b*\n\nc\n\nD", ["Abstract\n\nA *b*\n\nc", "Description\n\nD"]),
    ("A b", "[A](https://x.example/) b", ["Abstract\n\n[A](https://x.example/) b"]),
    ("A", "B\n\n## C", ["Abstract\n\nA", "Description\n\nB\n\n### C"]),
    row("said in the middle", "B", "A\n\nB\n\nC", ["Description\n\nA\n\nB\n\nC"]),
    row("no body", "# A", None, ["Abstract\n\n\\# A"]),
    row("no abstract", None, "B", ["Description\n\nB"]),
    ("A b", "## Abstract\n\nA\n\n```c\nb\n```", ["Abstract\n\nA\n\n```c\nb\n```"]),
    row("headings of its own", None, "### A\n\nb\n\n## C", ["A\n\nb\n\n## C"]),
    (None, None, []),
)
def test_abstract_and_description_are_told_apart_and_nothing_is_said_twice(
    abstract, body, sections
):
    assert format_texts(Facts(abstract=abstract, body=body)) == [
        f"## {section}" for section in sections
    ]


def test_biographies_are_told_where_there_are_some():
    people = [{"name": "A", "bio": "*Writes*"}, {"name": "B"}]
    assert format_biographies({"speakers": people}) == ["## Speakers\n\n### A\n\n\\*Writes\\*"]
    assert format_biographies({"speakers": people[1:]}) == format_biographies({}) == []


def test_videos_are_called_what_their_links_are_called():
    front = {"videos": [{"url": URL, "type": "video/mp4"}], "links": [{"title": "T", "url": URL}]}
    assert format_videos(front) == [f"[T]({URL}) (video/mp4)"]


def test_links_are_listed_that_lead_further_than_the_text():
    front = {"links": [{"title": "A", "url": "https://a.example/"}, {"title": "B", "url": URL}]}
    assert format_further_links(front, f"x [y]({URL}) z") == ["[A](https://a.example/)"]


def test_pictures_stand_where_they_stood_and_those_that_were_not_had_are_gone():
    wanted = FileLink("images", "https://x.example/a(b).png", "A", "linked")
    had = DownloadedFile(
        link=wanted, name="A b.png", sha256="0" * 64, size_bytes=1, media_type="image/png"
    )
    paths = session_paths(PARAMETERS.event, PARAMETERS.track, PARAMETERS.filename)
    body = (
        "x ![A](https://x.example/a%28b%29.png)\n\n![gone](https://x.example/b.png)\n\n"
        "[![](https://x.example/c.png)](https://x.example/)\n\n```\n![code](https://x.example/)\n```"
    )
    shown = f"x ![A]({Path(paths.markdown).stem}/A%20b.png)"
    expected = f"{shown}\n\n```\n![code](https://x.example/)\n```"
    assert use_local_pictures(body, SessionFiles([had], []), paths) == expected


BIO = "Ada Lovelace writes programs for machines that nobody has built. She lives in London."
FACTS = Facts(
    subtitle="And why not",
    type="Talk",
    room="Janson",
    start="2030-02-02T09:50:00+01:00",
    speakers=(Speaker("Ada Lovelace", bio=BIO), Speaker("Grace Hopper")),
)


@table(
    "body, left",
    row("what the overview says", "Talk\n\n*And why not*\n\nText", "Text"),
    row("a list", "- **Room**: Janson\n- **Level**: Easy", "- **Level**: Easy"),
    row("lines of labels", "Room: Janson\\\nWhen: Sunday\n\nText", "Text"),
    row("lines of text", "Room: Janson\\\nand more", "Room: Janson\\\nand more"),
    row("a fact that nobody knows", "- **Track**: Main", "- **Track**: Main"),
    ("Text\n\n## Speakers\n\n### [Ada Lovelace](x)\n\n" + BIO, "Text"),
    (f"## Speaker\n\n{BIO.partition('. ')[0]}.\n\n## More\n\nText", "## More\n\nText"),
    row("empty ones", "## A\n\n## B\n\nText\n\n## C", "## A\n\n## B\n\nText\n\n## C"),
    row("a part of a part", "## A\n\nText\n\n### B\n\nTalk", "## A\n\nText"),
    ("```\n# a\n\nTalk\n\nroom: x\n```", "```\n# a\n\nTalk\n\nroom: x\n```"),
)
def test_what_is_said_elsewhere_is_not_said_again(body, left):
    assert drop_repeats(body, FACTS) == left


def test_where_nothing_is_known_nothing_goes():
    body = "- **Room**: Janson\n\n## Speakers\n\nAda Lovelace\n\nTalk"
    assert drop_repeats(body, Facts()) == body
