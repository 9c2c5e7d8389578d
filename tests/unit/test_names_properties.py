"""Names, for any text and for the titles of real schedules."""

import json
import re
import unicodedata
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pathvalidate import is_valid_filename

from eventjob.domain import names

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
    for sanitise in (names.folder_name, names.file_name):
        name = sanitise(text, fallback)
        assert_valid_everywhere(name)
        assert sanitise(name, "other") == name
        assert names.is_safe(name)


@given(ANY_TEXT)
@example("x" * 193 + ".md" * 30)
def test_any_filename_becomes_a_stem_that_stays(filename):
    stem = names.stem_of(filename)
    for name in (stem, f"{stem}.md", f"{stem}.zip"):
        assert_valid_everywhere(name)
    assert names.stem_of(stem) == stem
    assert names.stem_of(f"{stem}.md") == stem


@given(st.lists(ANY_TEXT.map(lambda text: names.file_name(text, "x"))))
def test_unique_names_are_valid_and_do_not_collide(given_names):
    result = names.unique(given_names)
    assert len({names.collision_key(name) for name in result}) == len(given_names)
    assert names.unique(result) == result
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
    result = names.unique([names.file_name(f"{title}.md", "session") for title in titles])
    assert len({names.collision_key(name) for name in result}) == len(titles)
    for name in result:
        assert_valid_everywhere(name)
