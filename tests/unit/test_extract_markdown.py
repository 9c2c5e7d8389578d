import re

from tables import table

from services.processor.extract.markdown.markdown import escape_line, format_link, sanitize


@table(
    "markdown",
    "a <script>alert(1)</script> b",
    "<img src=x onerror=alert(1)>",
    "`<b> and <iframe src=x>",
    "- ```\n  <script>\n  ```",
    "    ```\n<script>\n    ```",
    "```\nnever closed <script>",
    "~~~\n```\n~~~\n<script>\n```",
    "````\n```\n````\n<script>\n```",
    "<https://x.example/>",
)
def test_no_raw_html_is_left(markdown):
    assert "<" not in sanitize(markdown)


def test_code_within_a_line_stays_as_it_is():
    markdown = "a `List<T>` is < a `b`\n\nand `<i>`"
    assert sanitize(markdown) == "a `List<T>` is &lt; a `b`\n\nand `<i>`"


@table(
    "markdown",
    "`a\n`<b>`\n`",
    "- `a\n- <script> `",
    "| `a | <b>` |",
    "`` a ` <b> ` ``",
    r"`a\` <b> `",
)
def test_code_that_readers_may_see_differently_is_text(markdown):
    assert "<" not in sanitize(markdown)


@table("markdown, shown", (r"\<b>", r"\<b>"), (r"\\<b>", r"\\&lt;b>"), (r"\\\<b>", r"\\\<b>"))
def test_what_is_escaped_already_stays_so(markdown, shown):
    assert sanitize(markdown) == shown


def test_code_stays_as_it_is():
    markdown = "text < text\n\n```c\n#include <stdio.h>\n```\n\n<b>"
    assert sanitize(markdown) == "text &lt; text\n\n```c\n#include <stdio.h>\n```\n\n&lt;b>"


HOSTILE = """javascript:alert(1) JaVaScRiPt:alert(1) java&#115;cript:alert(1)
    javascript&colon;alert(1) javascript\\:alert(1) data:text/html;base64,PHNjcmlwdD4= vbscript:x file:///etc/passwd"""


@table("form", "[x]({})", "![x]({})", "[x](\n{})", "[x]: {}", "[![a](b)]({})")
def test_links_that_run_code_or_hold_data_are_links_no_more(form):
    for target in (*HOSTILE.split(), "\x01javascript:alert(1)"):
        found = sanitize(form.format(target))
        openings = re.findall(r"(?<!\\)\](?:\(|:)\s*(\S*)", found)
        assert all(opening == "b)" or opening.startswith("b)]\\") for opening in openings), found


@table(
    "markdown",
    "[x](https://x.example/a?b=c&d) [x](mailto:x@x.example) [x](#part) [x](a/b.pdf)",
    "[Time]: 10:30",
    "array[1](2)",
)
def test_good_links_stay(markdown):
    assert sanitize(markdown) == markdown


def test_plain_text_shows_as_it_is():
    assert escape_line("# [x](y) <b> *a* `c` #1") == r"\# \[x\](y) \<b> \*a\* \`c\` #1"


def test_a_link_leads_where_it_should():
    assert format_link("a]b", "https://x.example/a(b) c?d=é") == (
        "[a\\]b](https://x.example/a%28b%29%20c?d=%C3%A9)"
    )
