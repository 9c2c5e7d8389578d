"""What becomes of a session's files: previews, transcripts, names, links that work in the ZIP."""

import io
import re
from urllib.parse import unquote

from fakes_processor import SITE, SLIDES, TEXT, URL, Answer, Setup
from hostile import huge_png
from pages import pdf
from PIL import Image
from tables import table

from services.processor.extract.facts import Facts, FileLink, Link
from services.processor.extract.page import unify_files
from services.processor.files.pdf import draw_pages
from services.processor.files.session_files import MAX_STEM_LENGTH, choose_filename
from services.processor.pool.pool import TaskTimeout

FOLDER = "Testconf 2030/Main/why-tests-fail/"
VTT = "WEBVTT\n\n00:00.000 --> 00:01.000\n{}\n"
ONE = (
    "Restartable confidential guests on the QEMU hypervisor, where is the challenge in all of that?"
)


def page(*parts):
    return Answer(f"<main><h1>Why tests fail</h1>{TEXT}{''.join(parts)}</main>".encode())


def png(width=80, height=60):
    data = io.BytesIO()
    Image.new("RGB", (width, height)).save(data, "PNG")
    return data.getvalue()


def vtt(text):
    return Answer(VTT.format(text).encode(), "text/vtt")


def names(outcome):
    return [file.path.removeprefix(FOLDER) for file in outcome.files[1:]]


async def test_a_pdf_has_previews_in_the_zip_the_front_matter_and_below_its_link(tmp_path):
    setup = Setup(tmp_path)
    outcome = await setup.run()
    preview = outcome.files[2]
    assert (await setup.front(outcome))["slides"][0]["previews"] == [
        {
            "page": 1,
            "path": f"{FOLDER}Slides/page-001.jpg",
            "bytes": preview.size_bytes,
            "sha256": preview.sha256,
        }
    ]
    picture = Image.open(io.BytesIO(await setup.artifacts.get(preview.sha256)))
    assert max(picture.size) == 480
    assert "  ![Page 1](why-tests-fail/Slides/page-001.jpg)" in await setup.markdown(outcome)


def test_the_same_pdf_gives_the_same_previews(tmp_path):
    path = tmp_path / "a.pdf"
    path.write_bytes(pdf("some text"))
    drawn = [draw_pages(path, 1, 1, tmp_path)[0].read_bytes() for _ in range(2)]
    assert drawn[0] == drawn[1]


async def test_a_pdf_that_takes_too_long_to_draw_keeps_its_text(tmp_path):
    class Slow:
        async def run(self, function, *args):
            if function is draw_pages:
                raise TaskTimeout("not done within 20 s")
            return function(*args)

    setup = Setup(tmp_path, pool=Slow())
    outcome = await setup.run()
    assert (await setup.bundle(outcome)).page_texts == ["first slide"]
    warning = "previews_incomplete: 0 of 1 pages: not done within 20 s"
    assert (await setup.front(outcome))["extraction"]["warnings"][-1] == f"{SLIDES}: {warning}"


async def test_the_transcript_is_in_the_language_of_the_job(tmp_path):
    tracks = "".join(
        f'<track src="t.{code}.vtt" srclang="{code}" label="{code}">' for code in ("de", "en-GB")
    )
    answers = {f"{URL}t.de.vtt": vtt("Guten Tag"), f"{URL}t.en-GB.vtt": vtt("Hello")}
    setup = Setup(tmp_path, {URL: page(f"<video>{tracks}</video>"), **answers})
    for language, said in (("en", "Hello"), ("de", "Guten Tag"), ("fr", "Guten Tag")):
        outcome = await setup.run(source_language=language)
        assert (await setup.bundle(outcome)).video_transcript == said
    entries = (await setup.front(outcome))["subtitles"]
    assert [entry["language"] for entry in entries] == ["de", "en-GB"]
    assert names(outcome) == ["de.vtt", "en-GB.vtt"]


async def test_subtitles_that_are_linked_and_played_are_fetched_once(tmp_path):
    video = '<video><track src="t.vtt" srclang="en"></video><a href="t.vtt">Subtitles</a>'
    setup = Setup(tmp_path, {URL: page(video), f"{URL}t.vtt": vtt("Hello")})
    outcome = await setup.run()
    assert setup.web.fetched.count(f"{URL}t.vtt") == 1
    assert [entry["language"] for entry in (await setup.front(outcome))["subtitles"]] == ["en"]


async def test_chapters_are_no_subtitles(tmp_path):
    setup = Setup(tmp_path, {URL: page('<video><track kind="chapters" src="t.vtt"></video>')})
    await setup.run()
    assert setup.web.fetched == [URL]


@table("media_type, body", ("video/mp4", b"x"), ("application/octet-stream", b"\0\0\0\x20ftypisom"))
async def test_a_video_given_as_slides_is_linked(tmp_path, media_type, body):
    setup = Setup(tmp_path, {SLIDES: Answer(body, media_type)})
    outcome = await setup.run()
    front = await setup.front(outcome)
    assert [(slides["url"], "path" in slides) for slides in front["slides"]] == [(SLIDES, False)]
    assert not any(SLIDES in warning for warning in front["extraction"]["warnings"])
    assert names(outcome) == []


async def test_what_is_called_like_a_video_is_never_fetched(tmp_path):
    setup = Setup(tmp_path, {URL: page('<a href="talk.mp4">Slides</a>')})
    outcome = await setup.run()
    assert (await setup.front(outcome))["videos"][0]["type"] == "video/mp4"
    assert setup.web.fetched == [URL]


async def test_a_photograph_given_as_slides_is_slides(tmp_path):
    setup = Setup(tmp_path, {SLIDES: Answer(png(), "image/png")})
    outcome = await setup.run()
    entry = (await setup.front(outcome))["slides"][0]
    assert (entry["path"], entry["width"], entry["height"]) == (f"{FOLDER}Slides.png", 80, 60)


async def test_an_image_of_billions_of_pixels_is_not_kept(tmp_path):
    image = f"{URL}wall.png"
    setup = Setup(
        tmp_path,
        {URL: page('<img src="wall.png" alt="a wall">'), image: Answer(huge_png(), "image/png")},
    )
    outcome = await setup.run()
    warnings = (await setup.front(outcome))["extraction"]["warnings"]
    assert warnings[-1] == f"{image}: image_too_large: 60000 x 60000 pixels"
    assert names(outcome) == []


async def test_the_same_bytes_under_two_titles_are_two_members_and_one_blob(tmp_path):
    links = '<a href="1.pdf">Slides</a><a href="2.pdf">Notes</a><a href="1.pdf#page=2">Again</a>'
    answers = {f"{URL}{n}.pdf": SITE[SLIDES] for n in (1, 2)}
    outcome = await Setup(tmp_path, {URL: page(links), **answers}).run()
    files = [file for file in outcome.files if file.path.endswith(".pdf")]
    assert [file.path for file in files] == [f"{FOLDER}Slides.pdf", f"{FOLDER}Notes.pdf"]
    assert len({file.sha256 for file in files}) == 1


async def test_a_file_and_the_previews_of_another_do_not_collide(tmp_path):
    links = '<a href="1.pdf">a.pdf.</a><a href="2.txt">a</a><a href="3.pdf">a</a>'
    answers = {f"{URL}{n}.pdf": SITE[SLIDES] for n in (1, 3)}
    answers[f"{URL}2.txt"] = Answer(b"text", "text/plain")
    outcome = await Setup(tmp_path, {URL: page(links), **answers}).run()
    found = names(outcome)
    assert len(set(found)) == len(found) == 5
    assert not {name for name in found if any(n.startswith(f"{name}/") for n in found)}


async def test_every_relative_link_leads_to_a_member(tmp_path):
    titles = ("A (b) c", "Über  Größe", "a/b\\c", "100% & more", "日本 語", "[x] <y>")
    links = "".join(f'<a href="{n}.pdf">{title}</a>' for n, title in enumerate(titles))
    answers = {f"{URL}{n}.pdf": SITE[SLIDES] for n in range(len(titles))}
    setup = Setup(tmp_path, {URL: page(links), **answers})
    outcome = await setup.run(filename="Why (tests) fail.md")
    body = (await setup.markdown(outcome)).split("---\n", 2)[2]
    local = [unquote(url) for url in re.findall(r"\]\(([^)\s]*)\)", body) if "://" not in url]
    members = {file.path.removeprefix("Testconf 2030/Main/") for file in outcome.files}
    assert len(local) == 2 * len(titles)
    assert set(local) <= members


@table(
    "title, name",
    (ONE, f"{ONE[:78]}.pdf"),
    ("x" * 200, f"{'x' * MAX_STEM_LENGTH}.pdf"),
    ("talk.pdf", "talk.pdf"),
    ("talk.PDF", "talk.pdf"),
    ("talk.pptx", "talk.pdf"),
    ("Version 1.2", "Version 1.2.pdf"),
    ("", "talk.pdf"),
)
def test_a_file_is_called_by_its_title_cut_between_words(title, name):
    wanted = FileLink("slides", "https://x.example/talk.pptx", title, "linked")
    assert choose_filename(wanted, ".pdf") == name


def test_each_file_is_wanted_once_and_linked_subtitles_too():
    files = (
        FileLink("slides", "https://x.example/a.pdf", "Slides", "schedule"),
        FileLink("slides", "https://x.example/a.pdf#2", "Slides", "linked"),
    )
    links = (Link("Subtitles", "https://x.example/a.de.srt"), Link("x", "https://x.example/"))
    found = unify_files(Facts(files=files, links=links))
    assert [(file.kind, file.url, file.language) for file in found.files] == [
        ("slides", "https://x.example/a.pdf", None),
        ("subtitles", "https://x.example/a.de.srt", "de"),
    ]
