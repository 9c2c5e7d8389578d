from tables import row, table

from services.processor.compose.repeated import without_repeats
from services.processor.extract.facts import Facts, Speaker

BIO = "Ada Lovelace writes programs for machines that nobody has built. She lives in London."
FACTS = Facts(
    subtitle="And why not",
    type="Talk",
    room="Janson",
    start="2030-02-02T09:50:00+01:00",
    speakers=(Speaker("Ada Lovelace", bio=BIO), Speaker("Grace Hopper")),
)


@table(
    "body, left",
    row("what the overview says", "Talk\n\n*And why not*\n\nText", "Text"),
    row("a list", "- **Room**: Janson\n- **Level**: Easy", "- **Level**: Easy"),
    row("lines of labels", "Room: Janson\\\nWhen: Sunday\n\nText", "Text"),
    row("lines of text", "Room: Janson\\\nand more", "Room: Janson\\\nand more"),
    row("a fact that nobody knows", "- **Track**: Main", "- **Track**: Main"),
    ("Text\n\n## Speakers\n\n### [Ada Lovelace](x)\n\n" + BIO, "Text"),
    (f"## Speaker\n\n{BIO.partition('. ')[0]}.\n\n## More\n\nText", "## More\n\nText"),
    row("empty ones", "## A\n\n## B\n\nText\n\n## C", "## A\n\n## B\n\nText\n\n## C"),
    row("a part of a part", "## A\n\nText\n\n### B\n\nTalk", "## A\n\nText"),
    ("```\n# a\n\nTalk\n\nroom: x\n```", "```\n# a\n\nTalk\n\nroom: x\n```"),
)
def test_what_is_said_elsewhere_is_not_said_again(body, left):
    assert without_repeats(body, FACTS) == left


def test_where_nothing_is_known_nothing_goes():
    body = "- **Room**: Janson\n\n## Speakers\n\nAda Lovelace\n\nTalk"
    assert without_repeats(body, Facts()) == body
