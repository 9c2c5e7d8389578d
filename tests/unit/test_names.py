"""Names: by example, for any text, and for the titles of real schedules."""

import json
import re
import unicodedata
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pathvalidate import is_valid_filename
from tables import row, table

from eventjob.domain import names


@table(
    "text, expected",
    row("a plain title stays", "Closing FOSDEM 2025", "Closing FOSDEM 2025"),
    row("safe quotes stay", "Größe “quoted” it's", "Größe “quoted” it's"),
    row("letters of all scripts stay", "会议-日程", "会议-日程"),
    row("separators become dashes", "AC/DC \\ a|b 10:30", "AC-DC - a-b 10-30"),
    row("what Windows forbids goes", '<What> "is" *this*?', "What is this"),
    row("white space becomes one space", "a\r\n\tb\u2028c\u00a0d", "a b c d"),
    row("controls go", "a\x00\x1b[31m\x7fb", "a[31mb"),
    row("bidi controls go", "exe.\u202efdp.md", "exe.fdp.md"),
    row("invisible characters go", "zero\u200bwidth\ufeff", "zerowidth"),
    row("lone surrogates go", "half \ud83d pair", "half pair"),
    row("the result is in NFC", "e\u0301te\u0301", "\u00e9t\u00e9"),
    row("what comes together is composed", "a<\u0301", "\u00e1"),
    row("dots at either end go", "..hidden..", "hidden"),
    row("spaces and dots alone are nothing", " . ", "fallback"),
    row("an empty text is the fallback", "", "fallback"),
    row("the parent folder is the fallback", "..", "fallback"),
    row("a path is one name", "../../etc/passwd", "-..-etc-passwd"),
    row("a device of Windows", "CON", "CON_"),
    row("a device with an extension", "nul.tar.gz", "nul_.tar.gz"),
    row("a device with a superscript and a space", "Com¹ .txt", "Com¹_ .txt"),
    row("a device that NFC uncovers", "cloc\u212a$", "clocK$_"),
    row("what only begins like a device stays", "console", "console"),
)
def test_a_name_is_made_safe(text, expected):
    assert names.make_folder_name(text, "fallback") == expected
    assert names.make_file_name(text, "fallback") == expected


def test_a_useless_fallback_still_gives_a_name():
    assert names.make_folder_name("..", "?") == "unnamed"


def test_a_long_name_is_cut_between_characters():
    assert names.make_folder_name("€" * 100, "x") == "€" * 66


def test_a_long_file_name_keeps_its_extension():
    assert names.make_file_name("ä" * 150 + ".pdf", "x") == "ä" * 98 + ".pdf"


def test_a_version_number_is_no_extension():
    assert names.make_unique(["Release v1.2", "Release v1.2"]) == ["Release v1.2", "Release v1.2-2"]


@table(
    "filename, expected",
    row("without the extension", "Closing-FOSDEM-2025.md", "Closing-FOSDEM-2025"),
    row("in any case", "Talk.MD", "Talk"),
    row("other extensions stay", "Talk.html", "Talk.html"),
    row("as often as it is there", "Talk.md.md", "Talk"),
    row("a device of Windows", "CON.md", "CON_"),
    row("a leading dot is no extension", "?.md", "md"),
    row("nothing at all", "", "session"),
    row("an extension that cutting uncovers", "x" * 193 + ".md.pdf", "x" * 193),
)
def test_a_stem_is_the_filename_without_md(filename, expected):
    assert names.make_stem(filename) == expected


def test_the_paths_of_a_session():
    paths = names.session_paths("FOSDEM 2025", "Keynotes-13", "Closing.md")
    assert paths == names.SessionPaths(
        folder="FOSDEM 2025/Keynotes-13",
        stem="Closing",
        markdown="FOSDEM 2025/Keynotes-13/Closing.md",
        asset_folder="FOSDEM 2025/Keynotes-13/Closing",
    )


@pytest.mark.parametrize("event", ["readme.MD", "Manifest.json"])
def test_no_event_takes_the_name_of_a_file_at_the_top(event):
    top, _ = names.session_paths(event, "t", "f").folder.split("/")
    assert names.collision_key(top) not in {"readme.md", "manifest.json"}


@table(
    "given, expected",
    row("different names stay", ["a.md", "b.md"], ["a.md", "b.md"]),
    row("in any case", ["a.md", "A.MD", "a.md"], ["a.md", "A-2.MD", "a-3.md"]),
    row("in any case beyond ASCII", ["é", "É"], ["é", "É-2"]),
    row("folded, not lowered", ["Straße", "STRASSE"], ["Straße", "STRASSE-2"]),
    row("a number that is taken later", ["a", "a", "a-2"], ["a", "a-3", "a-2"]),
    row("a number that is taken before", ["a-2", "a", "a"], ["a-2", "a", "a-3"]),
    row("a name without room", ["x" * 200] * 2, ["x" * 200, "x" * 198 + "-2"]),
)
def test_colliding_names_are_numbered(given, expected):
    assert names.make_unique(given) == expected


@table(
    "name, inline, expected",
    row("ASCII", "a b.zip", False, 'attachment; filename="a b.zip"'),
    row("inline", "a.png", True, 'inline; filename="a.png"'),
    row(
        "other letters are percent-encoded",
        "Größe.zip",
        False,
        "attachment; filename=\"Gr__e.zip\"; filename*=UTF-8''Gr%C3%B6%C3%9Fe.zip",
    ),
    row(
        "what old clients might decode",
        "100%'s.zip",
        False,
        "attachment; filename=\"100_'s.zip\"; filename*=UTF-8''100%25%27s.zip",
    ),
    row(
        "no header is injected",
        'a"\r\nSet-Cookie: x\ud800',
        False,
        'attachment; filename="a Set-Cookie- x"',
    ),
    row("no name at all", "", False, 'attachment; filename="download"'),
)
def test_a_download_has_a_name(name, inline, expected):
    assert names.content_disposition(name, inline=inline) == expected


CORPUS = Path(__file__).parents[3] / "shared" / "corpus"
TEXTS = st.text(st.characters(exclude_categories=()), max_size=300)
NASTY = st.sampled_from(
    [*'./\\:<>"|?* ', "CON", "NUL", "COM1", ".md", ".pdf", "-2", "\u202e", "\ud800", "\u0301", "ß"]
)
ANY_TEXT = TEXTS | st.lists(NASTY, max_size=20).map("".join) | st.lists(TEXTS | NASTY).map("".join)


def assert_valid_everywhere(name):
    """The rules, said here a second time and by another library."""
    for platform in ("universal", "Windows", "macOS", "Linux"):
        assert is_valid_filename(name, platform=platform, max_len=200, fs_encoding="utf-8")
    assert unicodedata.is_normalized("NFC", name)
    assert not {unicodedata.category(c) for c in name} & {"Cc", "Cf", "Cs"}
    assert not re.search(r'[/\\:*?"<>|]|^[. ]|[. ]$', name)


@given(ANY_TEXT, ANY_TEXT)
@example("CON." + "x" * 196, "")
@example("a" * 198 + " .pdf", "")
def test_any_text_becomes_a_valid_name_that_stays(text, fallback):
    for sanitise in (names.make_folder_name, names.make_file_name):
        name = sanitise(text, fallback)
        assert_valid_everywhere(name)
        assert sanitise(name, "other") == name
        assert names.is_safe(name)


@given(ANY_TEXT)
@example("x" * 193 + ".md" * 30)
def test_any_filename_becomes_a_stem_that_stays(filename):
    stem = names.make_stem(filename)
    for name in (stem, f"{stem}.md", f"{stem}.zip"):
        assert_valid_everywhere(name)
    assert names.make_stem(stem) == stem
    assert names.make_stem(f"{stem}.md") == stem


@given(st.lists(ANY_TEXT.map(lambda text: names.make_file_name(text, "x"))))
def test_unique_names_are_valid_and_do_not_collide(given_names):
    result = names.make_unique(given_names)
    assert len({names.collision_key(name) for name in result}) == len(given_names)
    assert names.make_unique(result) == result
    for name in result:
        assert_valid_everywhere(name)
        assert names.is_safe(name)


@given(ANY_TEXT)
def test_any_name_makes_one_header_value(name):
    value = names.content_disposition(name, inline=False)
    assert re.fullmatch(
        r'attachment; filename="[^"\\%\x00-\x1f\x7f]+"(; filename\*=UTF-8\'\'[\w.~%-]+)?',
        value,
        re.ASCII,
    )


def read(path):
    if not path.exists():
        pytest.skip(f"the corpus is not here: {path.name}")
    return path.read_text(encoding="utf-8")


@pytest.mark.long
def test_the_sessions_of_a_real_conference_get_valid_paths():
    sessions = json.loads(read(CORPUS / "fosdem-2025-sessions.json"))
    assert len(sessions) > 1000
    for session in sessions:
        paths = names.session_paths(session["event"], session["track"], session["filename"])
        for path in (paths.markdown, paths.asset_folder):
            assert path.startswith(f"{paths.folder}/{paths.stem}")
            assert len(path.split("/")) == 3
            for name in path.split("/"):
                assert_valid_everywhere(name)


@pytest.mark.parametrize("schedule", ["fosdem-2020.xml", "fosdem-2026.xml", "38c3.xml"])
def test_the_titles_of_real_schedules_become_valid_names(schedule):
    titles = re.findall(r"<title>([^<]+)</title>", read(CORPUS / "schedules" / schedule))
    assert len(titles) > 100
    result = names.make_unique([names.make_file_name(f"{title}.md", "session") for title in titles])
    assert len({names.collision_key(name) for name in result}) == len(titles)
    for name in result:
        assert_valid_everywhere(name)
