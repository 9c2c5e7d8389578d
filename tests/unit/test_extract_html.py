"""From the bytes of a page to its main text."""

from tables import row, table

from services.processor.extract.html.document import Document, lines_of
from services.processor.extract.html.encoding import decode, drop_scripts, limit_depth
from services.processor.extract.markdown.fragment import fragment_markdown
from services.processor.extract.markdown.trafilatura_text import extract

GREETING = "Grüße aus Köln"


@table(
    "body, declared, encoding",
    row("BOM first", b"\xef\xbb\xbf" + GREETING.encode(), "iso-8859-1", "utf-8"),
    row("BOM of UTF-16", b"\xff\xfe" + GREETING.encode("utf-16-le"), None, "utf-16-le"),
    row("latin-1 is wider", GREETING.encode("cp1252"), "ISO-8859-1", "cp1252"),
    row("so is ASCII", GREETING.encode("cp1252"), "us-ascii", "cp1252"),
    row(
        "HTML declares",
        b'<meta charset="iso-8859-15">' + GREETING.encode("iso-8859-15"),
        None,
        "iso8859-15",
    ),
    row(
        "HTML declares in the old way",
        b'<meta http-equiv=content-type content="text/html; charset=windows-1252">'
        + GREETING.encode("cp1252"),
        None,
        "cp1252",
    ),
    row("HTTP before HTML", b'<meta charset="cp1252">' + GREETING.encode(), "utf-8", "utf-8"),
    row("HTML cannot be that", b'<meta charset="utf-16">' + GREETING.encode(), None, "utf-8"),
    row("UTF-8 where nobody says", GREETING.encode(), None, "utf-8"),
    row("an unknown label is none", GREETING.encode(), "nonsense", "utf-8"),
    row("UTF-7 is an attack", GREETING.encode(), "utf-7", "utf-8"),
    row("base64 is no text", GREETING.encode(), "base64", "utf-8"),
)
def test_a_page_is_decoded_as_browsers_do(body, declared, encoding):
    text, found = decode(body, declared)
    assert (text.endswith(GREETING), found) == (True, encoding)


def test_old_text_without_declaration_is_guessed():
    czech = "Příliš žluťoučký kůň úpěl ďábelské ódy na konferenci o svobodném softwaru. " * 20
    text, encoding = decode(czech.encode("cp1250"), None)
    assert (text, encoding) == (czech, "cp1250")


def test_a_page_cut_within_a_character_is_utf_8_still():
    text, encoding = decode("ab€".encode()[:-1], None)
    assert (text, encoding) == ("ab\ufffd", "utf-8")


def test_bytes_that_are_no_text_do_no_harm():
    text, _ = decode(bytes(range(128, 256)) * 10, None)
    assert text


@table(
    "html, slimmed",
    ("a<script>x</script>b<STYLE a=b>y</style >c<svg><script>z</script></svg>d", "abcd"),
    ("a<script type=application/ld+json>{}</script>b<script>x</script>", None),
    ("a<script>never closed", "a<script>never closed"),
    ("<script>x</script>a<scripted>b", "a<scripted>b"),
)
def test_what_nobody_reads_goes(html, slimmed):
    expected = "a<script type=application/ld+json>{}</script>b" if slimmed is None else slimmed
    assert drop_scripts(html) == expected


def test_what_is_nested_too_deeply_is_no_longer_nested():
    html = "<div>" * 50_000 + "a" + "</div>" * 50_000 + "<div>b</div>"
    assert limit_depth(html) == "<div>" * 500 + "a" + "</div>" * 500 + "<div>b</div>"


def test_what_is_not_nested_stays_however_long_it_is():
    html = "<p>a<br><div>b</div>" * 5000
    assert limit_depth(html) == html


def test_text_keeps_its_lines():
    html = "<main><h1>A <i>b</i></h1><p>c\nd<p>e<ul><li>f<li>g</ul><table><tr><td>h<td>i</table>"
    document = Document(html, "https://conf.example/", "A")
    assert lines_of(document.main) == "A b\nc d\ne\nf\ng\nh\ni"


def test_a_form_around_a_whole_page_is_no_form():
    html = "<form><h1>A</h1><p>b</p><form><input></form></form><div><form>Search</form></div>"
    assert lines_of(Document(html, "https://conf.example/", "A").main) == "A\nb"


PROSE = (
    "<p>This is a long paragraph of prose, which says many things about boats, and their sails, "
    "so that it is taken for the main text of the page, indeed.</p>"
) * 3


@table(
    "fragment, markdown",
    row("raised", "<p>About 10<sup>6</sup> of them</p>", "About 10⁶ of them"),
    row("captions", "<figure><figcaption>Fig 1</figcaption></figure>", "Fig 1"),
    row(
        "lists in cells",
        "<table><caption>C</caption><tr><th>A<th>B<tr><td><ul><li>a<li>b</ul><td>c</table>",
        "C\n\n| A | B |\n| --- | --- |\n| a; b | c |",
    ),
    row(
        "tables in lists",
        "<ul><li>alpha<table><tr><td>beta</td><td>gamma</td></tr></table></li></ul>",
        "- alpha\n\n  beta gamma",
    ),
    row(
        "quotations in quotations",
        "<blockquote>a<blockquote>b</blockquote></blockquote>",
        "> a\n>\n> b",
    ),
    row("numbers from five", "<ol start=5><li>a<li>b</ol>", "5. a\n6. b"),
    row("nothing hidden", "<p hidden>a</p><p>b c</p>", "b c"),
)
def test_the_main_text_keeps(fragment, markdown):
    article = f"<h1>T</h1>{PROSE}{fragment}{PROSE.replace('boats', 'ships')}"
    page = f"<html><body><article>{article}</article></body></html>"
    assert f"\n\n{markdown}\n\n" in fragment_markdown(extract(page))
