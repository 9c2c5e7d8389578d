"""Who takes and gives what: even shares, nothing taken from the living."""

from hypothesis import given
from hypothesis import strategies as st
from tables import row, table

from eventjob.bus.buckets.lease_takeover import (
    BELIEVED_FOR_S,
    LONGEST_GAP_S,
    LeaseKey,
    LeaseView,
    plan_leases,
)
from eventjob.domain.dispatch import fair_share

PARTS = [f"{n:02d}" for n in range(16)]
NAMES = ["a", "b", "c", "d"]


def member(name, revision, value="x"):
    return LeaseKey("member", name, value, revision)


def test_whoever_is_alone_takes_everything():
    assert plan_leases("a", PARTS, set(), {}).claim == PARTS


def test_a_newcomer_takes_nothing_from_the_living_who_give_up_half():
    owners = dict.fromkeys(PARTS, "a")
    assert plan_leases("b", PARTS, {"a", "b"}, owners).claim == []
    assert plan_leases("a", PARTS, {"a", "b"}, owners).release == PARTS[8:]


def test_the_parts_of_the_dead_are_taken():
    owners = dict.fromkeys(PARTS[:8], "a") | dict.fromkeys(PARTS[8:], "b")
    assert plan_leases("b", PARTS, {"b"}, owners).claim == PARTS[:8]


@given(
    st.dictionaries(st.sampled_from(PARTS), st.sampled_from(["", "gone", *NAMES])),
    st.sets(st.sampled_from(NAMES), min_size=1),
)
def test_in_a_few_rounds_all_is_shared_evenly_and_nothing_moves_any_more(owners, live):
    for _ in range(3):
        for name in sorted(live):
            wanted = plan_leases(name, PARTS, live, owners)
            assert all(owners.get(part, "") not in live for part in wanted.claim)
            owners |= dict.fromkeys(wanted.claim, name) | dict.fromkeys(wanted.release, "")
    shares = [sum(owner == name for owner in owners.values()) for name in live]
    assert sum(shares) == len(PARTS)
    assert max(shares) <= -(-len(PARTS) // len(live))
    assert all(plan_leases(name, PARTS, live, owners) == ([], []) for name in live)


def test_who_does_not_renew_is_dead_after_a_while():
    view = LeaseView()
    for tick in range(7):
        view.update([member("a", 1 + tick), member("b", 1)], tick / 2)
    assert view.live_members(BELIEVED_FOR_S) == {"a"}


def test_an_observer_that_was_away_finds_nobody_dead_at_first():
    view = LeaseView()
    view.update([member("a", 1)], 0.0)
    view.update([member("a", 1)], 10.0)
    assert LONGEST_GAP_S < 10
    assert view.live_members(10.0) == {"a"}


def test_where_nobody_could_renew_all_are_believed_again():
    view = LeaseView()
    for tick in range(9):
        view.update([member("a", 1), member("b", 1)], tick / 2)
    assert view.live_members(4.0) == set()
    view.trust_all(4.0)
    assert view.live_members(4.0) == {"a", "b"}
    assert view.live_members(4.0 + BELIEVED_FOR_S) == set()


def test_a_server_that_is_behind_takes_nothing_back():
    view = LeaseView()
    view.record(member("a", 5, value="new"))
    view.record(LeaseKey("owner", "00", "a", 6))
    view.update([member("a", 1, value="old"), LeaseKey("owner", "00", "b", 2)], 0.0)
    assert view.incarnation("a") == "new"
    assert (view.owners, view.revision("owner", "00")) == ({"00": "a"}, 6)


def test_who_has_left_is_not_alive():
    view = LeaseView()
    view.update([member("a", 1, value="")], 0.0)
    assert view.live_members(0.0) == set()


@table(
    "capacity, others, share",
    row("alone", 16, [], 16),
    row("nobody else has work", 16, [0, 0], 16),
    row("both have much", 16, [100], 8),
    row("the other has little", 16, [3], 13),
    row("one has little and one much", 15, [2, 100], 7),
    row("nobody starves", 1, [100], 1),
    row("no workers", 0, [100], 0),
)
def test_workers_are_shared(capacity, others, share):
    assert fair_share(capacity, others) == share
