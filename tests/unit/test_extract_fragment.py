import pytest

from services.processor.extract.markdown.fragment import fragment_markdown
from services.processor.extract.markdown.markdown import shift_headings

BASE = "https://conf.example/2030/talk/"


@pytest.mark.parametrize(
    ("fragment", "markdown"),
    [
        pytest.param("<p>a\n b<p> c ", "a b\n\nc", id="paragraphs"),
        pytest.param("a<br>b<br><br>c", "a\\\nb\n\nc", id="breaks, two of which part"),
        pytest.param("<h1>A</h1><h4>B</h4><h2>C</h2>", "## A\n\n### B\n\n### C", id="headings"),
        pytest.param("<b> a </b>b<i>c</i>", "**a** b*c*", id="emphasis, its spaces outside"),
        pytest.param("<b><b>a</b></b><b>b</b>", "**a**b", id="emphasis once"),
        pytest.param('x<b>"a"</b>y <b>(b)</b>', 'x"a"y **(b)**', id="no emphasis that breaks"),
        pytest.param("<b><p>a</p></b>", "a", id="no emphasis over paragraphs"),
        pytest.param("<ul><li>a<ol start=3><li>b<li>c</ol><li>d", "- a\n  3. b\n  4. c\n- d"),
        pytest.param("<ul><li><p>a<p>b<li>c", "- a\n\n  b\n\n- c", id="wide lists"),
        pytest.param("<ul><li><h3>a</h3><p>b", "- **a**\n\n  b", id="no heading in a list"),
        pytest.param("<blockquote>a<p>b</blockquote>", "> a\n>\n> b", id="quotations"),
        pytest.param(
            "<dl><dt>A<dt>B<dd>c<dt>D<dd><p>e<p>f", "- **A**, **B**: c\n\n- **D**: e\n\n  f"
        ),
        pytest.param("<dl><div><dt>A<dd><ul><li>b", "- **A**:\n  - b", id="lists as definitions"),
        pytest.param("10<sup>6</sup> H<sub>2</sub>O", "10⁶ H₂O", id="raised and lowered digits"),
        pytest.param("e<sup>iπ</sup> x<sub>a,b</sub>", r"e^(iπ) x\_(a,b)", id="raised, lowered"),
        pytest.param("<p hidden>a<p aria-hidden=true>b<p style='display: none'>c<p>d", "d"),
        pytest.param("<dl><dt>Day:<dd>1", "- **Day**: 1", id="one colon"),
        pytest.param(
            "<table><tr><th>A<th>B<tr><td><ul><li>a</li> <li>b</ul><td><pre>c\nd</pre>",
            "| A | B |\n| --- | --- |\n| a; b | `c d` |",
            id="lists and code in cells",
        ),
        pytest.param("the 5<sup>th</sup>", "the 5th", id="an ordinal"),
        pytest.param("<pre> a &lt;b>\n\n  c </pre>", "```\n a <b>\n\n  c\n```", id="code"),
        pytest.param("<pre><code class=language-C++>a", "```c++\na\n```", id="code's language"),
        pytest.param("<pre>```</pre>", "````\n```\n````", id="code with a fence in it"),
        pytest.param("<code>a  `b`</code> <kbd>c</kbd>", "`` a `b` `` `c`", id="code in a line"),
        pytest.param(
            "<table><tr><th>A<th>B<tr><td>1<td>2|3", "| A | B |\n| --- | --- |\n| 1 | 2\\|3 |"
        ),
        pytest.param(
            "<table><tr><td colspan=2>1<tr><td>2<td><p>3<p>4",
            "| | |\n| --- | --- |\n| 1 | |\n| 2 | 3 4 |",
        ),
        pytest.param("<table><tr><td><ul><li>a</ul><td>b", "- a\n\nb", id="a table for layout"),
        pytest.param(
            "<a href='../a(b)?c=d&amp;e'>x]</a>", "[x\\]](https://conf.example/2030/a%28b%29?c=d&e)"
        ),
        pytest.param("<a href=mailto:a@x.example>x</a>", "[x](mailto:a@x.example)", id="mail"),
        pytest.param("<img src=a.png alt='A\nB'>", "![A B](https://conf.example/2030/talk/a.png)"),
        pytest.param("<script>x</script><style>y</style><!-- z --><svg><title>t", "", id="no text"),
        pytest.param("&lt;script> &amp;lt; &amp; <q>", r"\<script> \&lt; &", id="entities"),
        pytest.param(
            "<p># a<p>1. b<p>- c<p>--- <p>> d<p>+1",
            "\\# a\n\n1\\. b\n\n\\- c\n\n\\---\n\n\\> d\n\n+1",
        ),
        pytest.param(
            "C# a_b __c__ d*e [f]", r"C# a_b \_\_c\_\_ d\*e \[f\]", id="what needs no escape"
        ),
    ],
)
def test_a_fragment_becomes_markdown(fragment, markdown):
    assert fragment_markdown(fragment, BASE) == markdown


@pytest.mark.parametrize(
    "reference",
    [
        "javascript:x",
        " JaVa\tScript:x",
        "data:text/html,x",
        "vbscript:x",
        "file:///x",
        "mailto:x",
    ],
)
def test_a_link_that_leads_elsewhere_than_to_web_or_mail_is_none(reference):
    assert fragment_markdown(f"<a href='{reference}'>x</a><img src='{reference}' alt=y>") == "x"


@pytest.mark.parametrize(
    "tag", ["div", "b", "ul", "ul><li", "blockquote", "table><tr><td", "dl><dd"]
)
def test_what_is_nested_without_end_is_read(tag):
    assert "x" in fragment_markdown(f"<{tag}>" * 3000 + "x")


def test_headings_in_code_are_none():
    assert (
        shift_headings("# a\n\n````\n# b\n```\n# c\n````\n\n# d", 3)
        == "### a\n\n````\n# b\n```\n# c\n````\n\n### d"
    )
