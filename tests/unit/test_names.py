"""Names, by example."""

import pytest

from eventjob.domain import names


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("Closing FOSDEM 2025", "Closing FOSDEM 2025", id="a plain title stays"),
        pytest.param("Größe “quoted” it's", "Größe “quoted” it's", id="safe quotes stay"),
        pytest.param("会议-日程", "会议-日程", id="letters of all scripts stay"),
        pytest.param("AC/DC \\ a|b 10:30", "AC-DC - a-b 10-30", id="separators become dashes"),
        pytest.param('<What> "is" *this*?', "What is this", id="what Windows forbids goes"),
        pytest.param("a\r\n\tb\u2028c\u00a0d", "a b c d", id="white space becomes one space"),
        pytest.param("a\x00\x1b[31m\x7fb", "a[31mb", id="controls go"),
        pytest.param("exe.\u202efdp.md", "exe.fdp.md", id="bidi controls go"),
        pytest.param("zero\u200bwidth\ufeff", "zerowidth", id="invisible characters go"),
        pytest.param("half \ud83d pair", "half pair", id="lone surrogates go"),
        pytest.param("e\u0301te\u0301", "\u00e9t\u00e9", id="the result is in NFC"),
        pytest.param("a<\u0301", "\u00e1", id="what comes together is composed"),
        pytest.param("..hidden..", "hidden", id="dots at either end go"),
        pytest.param(" . ", "fallback", id="spaces and dots alone are nothing"),
        pytest.param("", "fallback", id="an empty text is the fallback"),
        pytest.param("..", "fallback", id="the parent folder is the fallback"),
        pytest.param("../../etc/passwd", "-..-etc-passwd", id="a path is one name"),
        pytest.param("CON", "CON_", id="a device of Windows"),
        pytest.param("nul.tar.gz", "nul_.tar.gz", id="a device with an extension"),
        pytest.param("Com¹ .txt", "Com¹_ .txt", id="a device with a superscript and a space"),
        pytest.param("cloc\u212a$", "clocK$_", id="a device that NFC uncovers"),
        pytest.param("console", "console", id="what only begins like a device stays"),
    ],
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


@pytest.mark.parametrize(
    ("filename", "expected"),
    [
        pytest.param("Closing-FOSDEM-2025.md", "Closing-FOSDEM-2025", id="without the extension"),
        pytest.param("Talk.MD", "Talk", id="in any case"),
        pytest.param("Talk.html", "Talk.html", id="other extensions stay"),
        pytest.param("Talk.md.md", "Talk", id="as often as it is there"),
        pytest.param("CON.md", "CON_", id="a device of Windows"),
        pytest.param("?.md", "md", id="a leading dot is no extension"),
        pytest.param("", "session", id="nothing at all"),
        pytest.param("x" * 193 + ".md.pdf", "x" * 193, id="an extension that cutting uncovers"),
    ],
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


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param(["a.md", "b.md"], ["a.md", "b.md"], id="different names stay"),
        pytest.param(["a.md", "A.MD", "a.md"], ["a.md", "A-2.MD", "a-3.md"], id="in any case"),
        pytest.param(["é", "É"], ["é", "É-2"], id="in any case beyond ASCII"),
        pytest.param(["Straße", "STRASSE"], ["Straße", "STRASSE-2"], id="folded, not lowered"),
        pytest.param(["a", "a", "a-2"], ["a", "a-3", "a-2"], id="a number that is taken later"),
        pytest.param(["a-2", "a", "a"], ["a-2", "a", "a-3"], id="a number that is taken before"),
        pytest.param(["x" * 200] * 2, ["x" * 200, "x" * 198 + "-2"], id="a name without room"),
    ],
)
def test_colliding_names_are_numbered(given, expected):
    assert names.make_unique(given) == expected


@pytest.mark.parametrize(
    ("name", "inline", "expected"),
    [
        pytest.param("a b.zip", False, 'attachment; filename="a b.zip"', id="ASCII"),
        pytest.param("a.png", True, 'inline; filename="a.png"', id="inline"),
        pytest.param(
            "Größe.zip",
            False,
            "attachment; filename=\"Gr__e.zip\"; filename*=UTF-8''Gr%C3%B6%C3%9Fe.zip",
            id="other letters are percent-encoded",
        ),
        pytest.param(
            "100%'s.zip",
            False,
            "attachment; filename=\"100_'s.zip\"; filename*=UTF-8''100%25%27s.zip",
            id="what old clients might decode",
        ),
        pytest.param(
            'a"\r\nSet-Cookie: x\ud800',
            False,
            'attachment; filename="a Set-Cookie- x"',
            id="no header is injected",
        ),
        pytest.param("", False, 'attachment; filename="download"', id="no name at all"),
    ],
)
def test_a_download_has_a_name(name, inline, expected):
    assert names.content_disposition(name, inline=inline) == expected
