import pytest

from services.processor.compose.repeated import drop_repeats
from services.processor.extract.facts import Facts, Speaker

BIO = "Ada Lovelace writes programs for machines that nobody has built. She lives in London."
FACTS = Facts(
    subtitle="And why not",
    type="Talk",
    room="Janson",
    start="2030-02-02T09:50:00+01:00",
    speakers=(Speaker("Ada Lovelace", bio=BIO), Speaker("Grace Hopper")),
)


@pytest.mark.parametrize(
    ("body", "left"),
    [
        pytest.param("Talk\n\n*And why not*\n\nText", "Text", id="what the overview says"),
        pytest.param("- **Room**: Janson\n- **Level**: Easy", "- **Level**: Easy", id="a list"),
        pytest.param("Room: Janson\\\nWhen: Sunday\n\nText", "Text", id="lines of labels"),
        pytest.param("Room: Janson\\\nand more", "Room: Janson\\\nand more", id="lines of text"),
        pytest.param("- **Track**: Main", "- **Track**: Main", id="a fact that nobody knows"),
        pytest.param("Text\n\n## Speakers\n\n### [Ada Lovelace](x)\n\n" + BIO, "Text"),
        pytest.param(
            f"## Speaker\n\n{BIO.partition('. ')[0]}.\n\n## More\n\nText", "## More\n\nText"
        ),
        pytest.param(
            "## A\n\n## B\n\nText\n\n## C", "## A\n\n## B\n\nText\n\n## C", id="empty ones"
        ),
        pytest.param("## A\n\nText\n\n### B\n\nTalk", "## A\n\nText", id="a part of a part"),
        pytest.param("```\n# a\n\nTalk\n\nroom: x\n```", "```\n# a\n\nTalk\n\nroom: x\n```"),
    ],
)
def test_what_is_said_elsewhere_is_not_said_again(body, left):
    assert drop_repeats(body, FACTS) == left


def test_where_nothing_is_known_nothing_goes():
    body = "- **Room**: Janson\n\n## Speakers\n\nAda Lovelace\n\nTalk"
    assert drop_repeats(body, Facts()) == body
