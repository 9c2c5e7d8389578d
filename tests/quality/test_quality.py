"""What ``make quality`` measures, as gates."""

import articles
import conferences
import markup
import pytest
import titles
from corpus import ABSENT, CORPUS

F1 = 0.94

pytestmark = pytest.mark.skipif(not CORPUS.exists(), reason=ABSENT)


@pytest.mark.parametrize("scheduled", [True, False], ids=["with schedule", "without"])
def test_every_field_of_every_fosdem_page_is_exact(scheduled):
    assert_exact(conferences.fosdem(scheduled=scheduled), pages=30)


def test_every_field_of_every_pretalx_page_is_exact():
    assert_exact(conferences.pretalx(), pages=18)


def test_articles_are_found_as_well_as_by_trafilatura_alone():
    scores = articles.scores()
    ours = scores.pop("eventjob").f1
    assert ours >= max(F1, *(other.f1 for other in scores.values()))


def test_an_event_in_json_ld_counts_only_by_a_title_of_the_page():
    assert_exact(markup.json_ld(), pages=8)


def test_all_markdown_is_in_order_and_harmless():
    assert_exact(markup.markdown(), pages=30 + 18 + 8 + 91)


async def test_every_title_of_every_schedule_survives():
    tally = await titles.tally()
    assert len(tally.right["YAML round trip"]) > 4800
    assert not any(tally.misses.values()), list(tally.rows())


def assert_exact(tally, pages):
    assert not any(tally.misses.values()), list(tally.rows())
    assert {len(names) for names in tally.right.values()} == {pages}
