"""The short form of ``make fuzz``."""

from fuzzing import fuzz

FEWEST_CASES = 1000


def test_the_product_is_what_its_document_says(tmp_path):
    outcome = fuzz(tmp_path, examples=5, seed=1)
    assert outcome.failures == 0, outcome.said
    assert outcome.troubles == []
    assert outcome.unanswered == [], outcome.said
    assert outcome.cases >= FEWEST_CASES, outcome.said
    assert outcome.report["operations"]["tested"] == len(outcome.operations)
