"""A burst may queue; a standing queue may not."""

import pytest

from serve_graph.api.places import BURST_S, Places


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def filled(places, count):
    for _ in range(count):
        places.enter()
    return places


def test_a_burst_takes_all_places(clock):
    places = filled(Places(6, 4, clock), 5)

    assert not places.is_full
    places.enter()
    assert places.is_full


def test_a_queue_that_stays_has_fewer_places(clock):
    places = filled(Places(6, 4, clock), 5)
    clock.now = BURST_S

    places.leave()

    assert places.is_full  # 4 are inside
    places.leave()
    assert not places.is_full


def test_a_burst_takes_its_time_from_the_next_one(clock):
    places = filled(Places(6, 4, clock), 5)
    clock.now = BURST_S
    for _ in range(2):
        places.leave()

    clock.now += 5 * BURST_S  # half of a burst's time comes back
    filled(places, 2)

    assert not places.is_full
    clock.now += 0.4 * BURST_S
    assert not places.is_full
    clock.now += 0.2 * BURST_S
    assert places.is_full


def test_under_overload_short_dips_allow_no_new_burst(clock):
    places = filled(Places(6, 4, clock), 5)
    clock.now = BURST_S
    late = 0
    for _ in range(100):
        for _ in range(3):
            places.leave()
        clock.now += 0.1
        filled(places, 2)  # 4 are inside
        clock.now += 0.1
        late += not places.is_full
        filled(places, 1)

    assert late == 0


def test_no_more_than_one_burst_is_saved_up(clock):
    places = Places(6, 4, clock)
    clock.now = 1000 * BURST_S
    filled(places, 5)

    clock.now += 1.01 * BURST_S

    assert places.is_full


def test_a_standing_number_above_all_places_changes_nothing(clock):
    places = filled(Places(3, 9, clock), 2)
    clock.now = 2 * BURST_S

    assert not places.is_full
    places.enter()
    assert places.is_full
