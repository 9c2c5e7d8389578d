"""Names, by example."""

import pytest
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
    assert names.folder_name(text, "fallback") == expected
    assert names.file_name(text, "fallback") == expected


def test_a_useless_fallback_still_gives_a_name():
    assert names.folder_name("..", "?") == "unnamed"


def test_a_long_name_is_cut_between_characters():
    assert names.folder_name("€" * 100, "x") == "€" * 66


def test_a_long_file_name_keeps_its_extension():
    assert names.file_name("ä" * 150 + ".pdf", "x") == "ä" * 98 + ".pdf"


def test_a_version_number_is_no_extension():
    assert names.unique(["Release v1.2", "Release v1.2"]) == ["Release v1.2", "Release v1.2-2"]


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
    assert names.stem_of(filename) == expected


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
    assert names.unique(given) == expected


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
