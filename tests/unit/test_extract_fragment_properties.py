"""Markdown of any HTML, as another program shows it: the same text, and nothing hostile."""

import re

from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from selectolax.lexbor import LexborHTMLParser

from services.processor.extract.html.document import alike
from services.processor.extract.markdown.fragment import fragment_markdown
from services.processor.extract.markdown.markdown import plain

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
    assert alike(shown) == alike(body.text() if body else "")
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
    shown = [token for token in tokens(plain(title)) if token.type in SHOWN]
    assert "".join(token.content for token in shown) == title


SHOWN = {"text", "code_inline", "code_block", "fence", "text_special"}


def tokens(markdown):
    for token in READER.parse(markdown):
        yield from token.children if token.type == "inline" else (token,)
