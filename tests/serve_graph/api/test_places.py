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


def test_a_queue_that_has_drained_may_burst_again(clock):
    places = filled(Places(6, 4, clock), 4)
    clock.now = BURST_S
    for _ in range(2):
        places.leave()

    filled(places, 3)

    assert not places.is_full


def test_a_standing_number_above_all_places_changes_nothing(clock):
    places = filled(Places(3, 9, clock), 2)
    clock.now = 2 * BURST_S

    assert not places.is_full
    places.enter()
    assert places.is_full
