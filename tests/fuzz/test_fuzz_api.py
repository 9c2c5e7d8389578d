"""The short form of ``make fuzz``."""

import pytest
from fuzzing import fuzz

FEWEST_CASES = 1000


@pytest.mark.long
@pytest.mark.parametrize("with_key", [False, True], ids=["without keys", "with a key"])
def test_the_product_is_what_its_document_says(tmp_path, with_key):
    outcome = fuzz(tmp_path, examples=3 if with_key else 5, seed=1, with_key=with_key)
    assert outcome.failures == 0, outcome.said
    assert outcome.troubles == []
    assert with_key or outcome.unanswered == [], outcome.said  # few cases may all be refused
    assert outcome.cases >= FEWEST_CASES, outcome.said
    assert outcome.report["operations"]["tested"] == len(outcome.operations)
