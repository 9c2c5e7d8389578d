import pytest

from services.processor.extract.chosen import main_text
from services.processor.extract.fragment import fragment_markdown

PROSE = f"<p>{'These are many words about boats, their sails, and what holds them. ' * 4}</p>"


@pytest.mark.parametrize(
    ("fragment", "markdown"),
    [
        pytest.param("<p>About 10<sup>6</sup> of them</p>", "About 10⁶ of them", id="raised"),
        pytest.param("<figure><figcaption>Fig 1</figcaption></figure>", "Fig 1", id="captions"),
        pytest.param(
            "<table><caption>C</caption><tr><th>A<th>B<tr><td><ul><li>a<li>b</ul><td>c</table>",
            "C\n\n| A | B |\n| --- | --- |\n| a; b | c |",
            id="lists in cells",
        ),
        pytest.param(
            "<ul><li>a<table><tr><td>b</td><td>c</td></tr></table></ul>",
            "- a\n\n  b c",
            id="tables in lists",
        ),
        pytest.param(
            "<blockquote>a<blockquote>b</blockquote></blockquote>",
            "> a\n>\n> b",
            id="quotations in quotations",
        ),
        pytest.param("<ol start=5><li>a<li>b</ol>", "5. a\n6. b", id="numbers from five"),
        pytest.param("<p hidden>a</p><p>b c</p>", "b c", id="nothing hidden"),
    ],
)
def test_the_main_text_keeps(fragment, markdown):
    page = f"<article><h1>T</h1>{PROSE}{fragment}{PROSE.replace('boats', 'ships')}</article>"
    assert f"\n\n{markdown}\n\n" in fragment_markdown(main_text(page))
