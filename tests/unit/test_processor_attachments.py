import pytest
from fakes_processor import LIMITS, SITE, SLIDES, TEXT, URL, Answer, Setup, never
from pages import pdf
from tables import table

from eventjob.domain.names import is_safe
from eventjob.fetch.caps import FILE
from eventjob.fetch.client import FetchFailed


@table(
    "answer, reason",
    (FetchFailed("http_404", "gone"), "http_404: gone"),
    (Answer(b"<html>login", "application/pdf"), "wrong_type: it is text/html"),
    (Answer(b"x", "text/html"), "wrong_type"),
    (Answer(b"x" * (FILE.max_bytes + 1), "application/pdf"), "too_large"),
    (FetchFailed("postponed", "busy", transient=True), "postponed: busy"),
    ([FetchFailed("http_500", "down", transient=True)] * 2, "http_500: down"),
)
async def test_an_attachment_that_cannot_be_had_is_a_warning(tmp_path, answer, reason):
    setup = Setup(tmp_path, {SLIDES: answer})
    outcome = await setup.run()
    warnings = (await setup.front(outcome))["extraction"]["warnings"]
    assert warnings[-1].startswith(f"{SLIDES}: {reason}")
    assert [line.message for line in outcome.log if line.level == "warning"] == [warnings[-1]]
    assert len(outcome.files) == 1


async def test_an_attachment_is_tried_again_where_that_may_help(tmp_path):
    down = FetchFailed("http_500", "down", transient=True)
    outcome = await Setup(tmp_path, {SLIDES: [down, SITE[SLIDES]]}).run()
    assert outcome.files[1].path.endswith("Slides.pdf")


async def test_a_broken_pdf_is_kept_without_its_text(tmp_path):
    setup = Setup(tmp_path, {SLIDES: Answer(b"%PDF-1.4 broken", "application/pdf")})
    outcome = await setup.run()
    assert outcome.files[1].media_type == "application/pdf"
    assert "pdf_unreadable" in (await setup.front(outcome))["extraction"]["warnings"][-1]


async def test_a_file_is_called_what_it_is(tmp_path):
    png = b"\x89PNG\r\n\x1a\n" + bytes(20)
    outcome = await Setup(tmp_path, {SLIDES: Answer(png, "application/pdf")}).run()
    assert (outcome.files[1].path[-10:], outcome.files[1].media_type) == ("Slides.png", "image/png")


async def test_names_of_a_session_never_collide(tmp_path):
    links = "".join(f'<a href="{n}.pdf">slides</a>' for n in range(3))
    answers = {f"{URL}{n}.pdf": Answer(pdf(str(n)), "application/pdf") for n in range(3)}
    page = Answer(f"<main><h1>Why tests fail</h1>{TEXT}{links}</main>".encode())
    outcome = await Setup(tmp_path, {URL: page, **answers}).run()
    folder = "Testconf 2030/Main/why-tests-fail/"
    names = [file.path.removeprefix(folder) for file in outcome.files[1:]]
    assert [name for name in names if name.endswith(".pdf")] == [
        "slides.pdf",
        "slides-2.pdf",
        "slides-3.pdf",
    ]
    assert len({name.rpartition("/")[0] for name in names if "/" in name}) == 3


@pytest.mark.parametrize("title", ["slides.", "What next...", "..", "con"])
async def test_previews_lie_in_a_folder_with_a_safe_name(tmp_path, title):
    page = Answer(f'<main><h1>Why</h1>{TEXT}<a href="1.pdf">{title}</a></main>'.encode())
    answers = {URL: page, f"{URL}1.pdf": Answer(pdf("one"), "application/pdf")}
    outcome = await Setup(tmp_path, answers).run()
    previews = [file.path for file in outcome.files if file.path.endswith("page-001.jpg")]
    assert len(previews) == 1
    assert all(is_safe(part) for part in previews[0].split("/"))


async def test_a_job_fetches_so_much_and_no_more(tmp_path):
    links = "".join(f'<a href="{n}.pdf">x</a>' for n in range(120))
    page = Answer(f"<main><h1>Why tests fail</h1>{TEXT}{links}</main>".encode())
    half = Answer(b"%PDF" + bytes(LIMITS.job_bytes // 2), "application/octet-stream")
    answers = {f"{URL}{n}.pdf": half for n in range(3)}
    setup = Setup(tmp_path, {URL: page, **answers})
    outcome = await setup.run()
    warnings = (await setup.front(outcome))["extraction"]["warnings"]
    assert any(f"{URL}1.pdf: too_large" in warning for warning in warnings)
    assert len(outcome.log) == 22, "all warnings are in the Markdown, and a few in the log"
    assert warnings[-1] == "too_many_files: 120, of which 100 were fetched"
    assert setup.web.caps[f"{URL}1.pdf"].max_bytes < LIMITS.job_bytes // 2
    assert len(setup.web.fetched) == 101


async def test_an_attachment_that_never_comes_is_given_up_before_the_deadline(tmp_path):
    outcome = await Setup(tmp_path, {SLIDES: never}).run(minutes=0.02)
    assert "no time was left" in outcome.log[-1].message
