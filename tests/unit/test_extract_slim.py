from tables import table

from services.processor.extract.html.document import Document, lines_of
from services.processor.extract.html.encoding import shallow, slim


@table(
    "html, slimmed",
    ("a<script>x</script>b<STYLE a=b>y</style >c<svg><script>z</script></svg>d", "abcd"),
    ("a<script type=application/ld+json>{}</script>b<script>x</script>", None),
    ("a<script>never closed", "a<script>never closed"),
    ("<script>x</script>a<scripted>b", "a<scripted>b"),
)
def test_what_nobody_reads_goes(html, slimmed):
    expected = "a<script type=application/ld+json>{}</script>b" if slimmed is None else slimmed
    assert slim(html) == expected


def test_what_is_nested_too_deeply_is_no_longer_nested():
    html = "<div>" * 50_000 + "a" + "</div>" * 50_000 + "<div>b</div>"
    assert shallow(html) == "<div>" * 500 + "a" + "</div>" * 500 + "<div>b</div>"


def test_what_is_not_nested_stays_however_long_it_is():
    html = "<p>a<br><div>b</div>" * 5000
    assert shallow(html) == html


def test_text_keeps_its_lines():
    html = "<main><h1>A <i>b</i></h1><p>c\nd<p>e<ul><li>f<li>g</ul><table><tr><td>h<td>i</table>"
    document = Document(html, "https://conf.example/", "A")
    assert lines_of(document.main) == "A b\nc d\ne\nf\ng\nh\ni"


def test_a_form_around_a_whole_page_is_no_form():
    html = "<form><h1>A</h1><p>b</p><form><input></form></form><div><form>Search</form></div>"
    assert lines_of(Document(html, "https://conf.example/", "A").main) == "A\nb"
