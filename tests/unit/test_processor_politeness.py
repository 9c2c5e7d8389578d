from tables import row, table

from services.processor.fetching.host_slots import (
    LEASE_S,
    HostState,
    Pace,
    Share,
    apply_pause,
    earliest_start,
    first_free_slot,
    has_room,
    record_start,
    reserve_slot,
    set_share,
)

NOW = 1000.0
PACE = Pace(delay_s=2.0, per_host=2)
LATER = NOW + 10


@table(
    "state, at",
    row("an unknown host can be asked now", HostState(), NOW),
    row("behind those who have reserved", HostState(next_slot=NOW + 5), NOW + 5),
    row("after the pause", HostState(next_start=NOW + 1), NOW + 1),
    row("when the host wants it again", HostState(not_before=NOW + 9), NOW + 9),
    row("a slot in the past is gone", HostState(next_slot=NOW - 5), NOW),
)
def test_the_next_slot_is(state, at):
    assert first_free_slot(state, NOW) == at


def test_each_reservation_moves_the_queue_by_the_delay():
    state = HostState()
    slots = []
    for _ in range(3):
        slots.append(first_free_slot(state, NOW))
        state = reserve_slot(state, slots[-1], PACE)
    assert slots == [NOW, NOW + 2, NOW + 4]


def test_a_start_keeps_all_others_away_for_the_delay():
    state = record_start(HostState(next_slot=NOW + 6), NOW, PACE, "me")
    assert (earliest_start(state), state.next_slot) == (NOW + 2, NOW + 6)


def test_silence_is_never_shortened():
    assert apply_pause(HostState(not_before=LATER), NOW + 1).not_before == LATER


@table(
    "shares, running, room",
    row("nobody is there", {}, 0, True),
    row("all are mine", {}, 2, False),
    row("one of two is taken", {"other": Share(LATER, 1)}, 0, True),
    row("both are taken", {"other": Share(LATER, 2)}, 0, False),
    row("the other process is dead", {"other": Share(NOW - 1, 2)}, 0, True),
    row("what I said before does not count", {"me": Share(LATER, 2)}, 0, True),
    row("the last one is for who waits", {"other": Share(LATER, 1, NOW - 3)}, 0, False),
    row("there are two to have", {"other": Share(LATER, 0, NOW - 3)}, 0, True),
    row(
        "who waits longest goes first",
        {"other": Share(LATER, 1, NOW - 3), "me": Share(LATER, 0, NOW - 4)},
        0,
        True,
    ),
)
def test_there_is_room_where(shares, running, room):
    assert has_room(HostState(shares=shares), NOW, PACE, "me", running) is room


def test_what_a_process_says_is_believed_for_a_while():
    state = set_share(HostState(shares={"dead": Share(NOW - 1, 2)}), NOW, "me", 1, waits=False)
    assert state.shares == {"me": Share(NOW + LEASE_S, 1)}


def test_a_process_with_nothing_to_say_is_forgotten():
    state = HostState(shares={"me": Share(LATER, 1)})
    assert set_share(state, NOW, "me", 0, waits=False).shares == {}


def test_who_waits_on_keeps_its_place_until_it_has_started():
    waiting = set_share(HostState(), NOW, "me", 0, waits=True)
    still = set_share(waiting, NOW + 1, "me", 0, waits=True)
    assert still.shares["me"].waits_since == NOW
    again = set_share(record_start(still, NOW + 2, PACE, "me"), NOW + 2, "me", 1, waits=True)
    assert again.shares["me"].waits_since == NOW + 2
