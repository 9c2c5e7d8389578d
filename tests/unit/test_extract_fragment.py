"""HTML becomes Markdown: by example, and for any HTML."""

import re

from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from selectolax.lexbor import LexborHTMLParser
from tables import row, table

from services.processor.extract.html.document import match_key
from services.processor.extract.markdown.fragment import fragment_markdown
from services.processor.extract.markdown.markdown import escape_line, shift_headings

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
        shift_headings("# a\n\n````\n# b\n```\n# c\n````\n\n# d", 3)
        == "### a\n\n````\n# b\n```\n# c\n````\n\n### d"
    )


READER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
TAGS = (
    "p div b i em strong del code pre kbd ul ol li dl dt dd table tr td th blockquote h1 h3 a span "
    "sup sub"
)
ATTRIBUTES = (
    " href=javascript:x",
    " href='https://x.example/(a) b'",
    " href=data:text/html,x",
    ' title="<script>"',
    " class='language-<b>'",
)
TEXTS = (
    "a b* _c_ ` `` ``` ~~ < > & &lt;script&gt; &amp;lt; [x](javascript:y) ![z](data:q) <!-- # - "
    "1. + = --- | :-- \\ \n \t </ ]: <https://e.example/> http://f.example javascript:g $ é 日本"
)
PIECES = (
    [f"<{tag}>" for tag in TAGS.split()]
    + [f"</{tag}>" for tag in TAGS.split()]
    + [f"<a{attribute}>" for attribute in ATTRIBUTES]
    + ["<pre class='language-<b>'>", "<br>", "<hr>", "<img src=x onerror=y alt='](z'>", " "]
    + TEXTS.split(" ")
)
HTML = st.lists(st.sampled_from(PIECES) | st.text(max_size=5), max_size=40).map("".join)


@given(HTML)
@example("<b>a</b><i>*</i>b<code>`</code>")
@example("<pre>```\n<script>\n```")
@example("<p>a<br>---<p>[x]: y<br>=")
@example("<td>a|b<td>`|`</table><table><td>\\|")
def test_any_html_becomes_markdown_without_anything_hostile(html):
    for token in tokens(fragment_markdown(html, "https://conf.example/")):
        assert token.type not in {"html_inline", "html_block"}
        for name in ("href", "src"):
            address = token.attrGet(name)
            assert address is None or re.match("https?://|mailto:", str(address))


@given(HTML)
@example("a<b>b</b>c<b> d</b><i>(e)</i>f")
@example("<b>x</b>*y*_z_ ~~q~~")
@example("\ud7fc<b>_c_")
@example("<ul><li>a<li><ul><li>b<p>c</ul>d</ul>1. e")
def test_a_reader_sees_the_text_of_the_page_and_no_marks(html):
    body = LexborHTMLParser(html).body
    shown = "".join(
        token.content for token in tokens(fragment_markdown(html)) if token.type in SHOWN
    )
    assert match_key(shown) == match_key(body.text() if body else "")
    for mark in "*~_":
        assert shown.replace("_(", "").count(mark) <= html.count(mark)


@given(HTML)
def test_markdown_is_tidy(html):
    markdown = fragment_markdown(html)
    levels = [int(token.tag[1]) for token in tokens(markdown) if token.type == "heading_open"]
    assert all(level <= before + 1 for before, level in zip([1, *levels], levels, strict=False))
    assert 1 not in levels
    if "```" not in markdown:
        assert not re.search(r"\s$|[ \t]\n|\n\n\n", markdown)


@given(st.text(max_size=30) | st.lists(st.sampled_from(TEXTS.split(" "))).map("".join))
@example("1. a")
@example("# &amp; <b> __a__ *b* ~~c~~")
def test_any_title_shows_as_it_is(title):
    title = " ".join(re.sub(r"[\x00-\x1f\x7f]", " ", title).split())
    shown = [token for token in tokens(escape_line(title)) if token.type in SHOWN]
    assert "".join(token.content for token in shown) == title


SHOWN = {"text", "code_inline", "code_block", "fence", "text_special"}


def tokens(markdown):
    for token in READER.parse(markdown):
        yield from token.children if token.type == "inline" else (token,)
