from tables import row, table

from services.processor.extract.markdown.fragment import fragment_markdown
from services.processor.extract.markdown.markdown import headed

BASE = "https://conf.example/2030/talk/"


@table(
    "fragment, markdown",
    row("paragraphs", "<p>a\n b<p> c ", "a b\n\nc"),
    row("breaks, two of which part", "a<br>b<br><br>c", "a\\\nb\n\nc"),
    row("headings", "<h1>A</h1><h4>B</h4><h2>C</h2>", "## A\n\n### B\n\n### C"),
    row("emphasis, its spaces outside", "<b> a </b>b<i>c</i>", "**a** b*c*"),
    row("emphasis once", "<b><b>a</b></b><b>b</b>", "**a**b"),
    row("no emphasis that breaks", 'x<b>"a"</b>y <b>(b)</b>', 'x"a"y **(b)**'),
    row("no emphasis over paragraphs", "<b><p>a</p></b>", "a"),
    ("<ul><li>a<ol start=3><li>b<li>c</ol><li>d", "- a\n  3. b\n  4. c\n- d"),
    row("wide lists", "<ul><li><p>a<p>b<li>c", "- a\n\n  b\n\n- c"),
    row("no heading in a list", "<ul><li><h3>a</h3><p>b", "- **a**\n\n  b"),
    row("quotations", "<blockquote>a<p>b</blockquote>", "> a\n>\n> b"),
    ("<dl><dt>A<dt>B<dd>c<dt>D<dd><p>e<p>f", "- **A**, **B**: c\n\n- **D**: e\n\n  f"),
    row("lists as definitions", "<dl><div><dt>A<dd><ul><li>b", "- **A**:\n  - b"),
    row("raised and lowered digits", "10<sup>6</sup> H<sub>2</sub>O", "10⁶ H₂O"),
    row("raised, lowered", "e<sup>iπ</sup> x<sub>a,b</sub>", r"e^(iπ) x\_(a,b)"),
    ("<p hidden>a<p aria-hidden=true>b<p style='display: none'>c<p>d", "d"),
    row("one colon", "<dl><dt>Day:<dd>1", "- **Day**: 1"),
    row(
        "lists and code in cells",
        "<table><tr><th>A<th>B<tr><td><ul><li>a</li> <li>b</ul><td><pre>c\nd</pre>",
        "| A | B |\n| --- | --- |\n| a; b | `c d` |",
    ),
    row("an ordinal", "the 5<sup>th</sup>", "the 5th"),
    row("code", "<pre> a &lt;b>\n\n  c </pre>", "```\n a <b>\n\n  c\n```"),
    row("code's language", "<pre><code class=language-C++>a", "```c++\na\n```"),
    row("code with a fence in it", "<pre>```</pre>", "````\n```\n````"),
    row("code in a line", "<code>a  `b`</code> <kbd>c</kbd>", "`` a `b` `` `c`"),
    ("<table><tr><th>A<th>B<tr><td>1<td>2|3", "| A | B |\n| --- | --- |\n| 1 | 2\\|3 |"),
    (
        "<table><tr><td colspan=2>1<tr><td>2<td><p>3<p>4",
        "| | |\n| --- | --- |\n| 1 | |\n| 2 | 3 4 |",
    ),
    row("a table for layout", "<table><tr><td><ul><li>a</ul><td>b", "- a\n\nb"),
    ("<a href='../a(b)?c=d&amp;e'>x]</a>", "[x\\]](https://conf.example/2030/a%28b%29?c=d&e)"),
    row("mail", "<a href=mailto:a@x.example>x</a>", "[x](mailto:a@x.example)"),
    ("<img src=a.png alt='A\nB'>", "![A B](https://conf.example/2030/talk/a.png)"),
    row("no text", "<script>x</script><style>y</style><!-- z --><svg><title>t", ""),
    row("entities", "&lt;script> &amp;lt; &amp; <q>", r"\<script> \&lt; &"),
    ("<p># a<p>1. b<p>- c<p>--- <p>> d<p>+1", "\\# a\n\n1\\. b\n\n\\- c\n\n\\---\n\n\\> d\n\n+1"),
    row("what needs no escape", "C# a_b __c__ d*e [f]", r"C# a_b \_\_c\_\_ d\*e \[f\]"),
)
def test_a_fragment_becomes_markdown(fragment, markdown):
    assert fragment_markdown(fragment, BASE) == markdown


@table(
    "reference",
    *["javascript:x", "data:text/html,x", "vbscript:x", "file:///x", "mailto:x"],
    " JaVa\tScript:x",
)
def test_a_link_that_leads_elsewhere_than_to_web_or_mail_is_none(reference):
    assert fragment_markdown(f"<a href='{reference}'>x</a><img src='{reference}' alt=y>") == "x"


@table("tag", *["div", "b", "ul", "ul><li", "blockquote", "table><tr><td", "dl><dd"])
def test_what_is_nested_without_end_is_read(tag):
    assert "x" in fragment_markdown(f"<{tag}>" * 3000 + "x")


def test_headings_in_code_are_none():
    assert (
        headed("# a\n\n````\n# b\n```\n# c\n````\n\n# d", 3)
        == "### a\n\n````\n# b\n```\n# c\n````\n\n### d"
    )
