from tables import row, table

from services.processor.extract.markdown.fragment import fragment_markdown
from services.processor.extract.markdown.trafilatura_text import main_text

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
    assert f"\n\n{markdown}\n\n" in fragment_markdown(main_text(page))
