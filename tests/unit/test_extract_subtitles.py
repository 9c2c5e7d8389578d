from tables import row, table

from services.processor.files.subtitles import transcript

VTT = "WEBVTT\n\n"


@table(
    "text, said",
    row(
        "cues are joined, without times, notes, names and tags",
        VTT + "NOTE a note\n\nSTYLE\n::cue {}\n\nintro\n00:00.000 --> 00:02.000 align:start\n"
        "<i>Hello</i> &amp; <c.red>welcome</c>\nall of you\n\n"
        "00:02.500 --> 00:04.000\nto this.\n",
        "Hello & welcome all of you to this.",
    ),
    row(
        "SubRip",
        "1\n00:00:00,000 --> 00:00:01,000\nOne.\n\n2\n00:00:01,000 --> 00:00:02,000\nTwo.\n",
        "One. Two.",
    ),
    row("SubRip of Windows", "1\r\n0:00:00,000 --> 0:00:01,000\r\n{\\an8}One.\r\n\r\n", "One."),
    row(
        "a pause begins a paragraph",
        VTT + "00:00.000 --> 00:01.000\nA.\n\n00:09.000 --> 00:10.000\nB.\n",
        "A.\n\nB.",
    ),
    row(
        "another voice begins a paragraph",
        VTT + "00:00.000 --> 00:01.000\n<v Ada>A.\n\n00:01.000 --> 00:02.000\n<v Ada>B.\n\n"
        "00:02.000 --> 00:03.000\n<v.loud Bob>C.\n",
        "Ada: A. B.\n\nBob: C.",
    ),
    row(
        "captions that roll are said once",
        VTT + "00:00.000 --> 00:01.000\nthe tide is\n\n00:01.000 --> 00:02.000\nthe tide is\n"
        "a sum\n\n00:02.000 --> 00:03.000\na sum\nof cosines\n",
        "the tide is a sum of cosines",
    ),
    row(
        "captions that grow are said once",
        VTT + "00:00.000 --> 00:01.000\nthe\n\n00:01.000 --> 00:02.000\nthe tide\n\n"
        "00:02.000 --> 00:03.000\nthe tide is\n",
        "the tide is",
    ),
    row("nothing", VTT, ""),
    row("no cue at all", "00:01 --> x\n1 --> 2\n", ""),
    row("no tag", VTT + "00:00.000 --> 00:01.000\na < b\x00\n", "a < b"),
)
def test_the_words_are_what_is_left(tmp_path, text, said):
    path = tmp_path / "x.vtt"
    path.write_text(text, newline="")
    assert transcript(path, None) == said


@table("charset, encoding", (None, "utf-8-sig"), (None, "utf-16"), ("latin-1", "latin-1"))
def test_subtitles_are_decoded_as_pages_are(tmp_path, charset, encoding):
    path = tmp_path / "x.vtt"
    path.write_text(VTT + "00:00.000 --> 00:01.000\nÜbrigens\n", encoding=encoding)
    assert transcript(path, charset) == "Übrigens"
