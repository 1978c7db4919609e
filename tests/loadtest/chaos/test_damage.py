import math

from loadtest.chaos.damage import WINDOW_S, damage_of, recovered_s
from loadtest.open_loop import Outcome

MOMENT_S, BOUND_S = 4.0, 1.0


def outcome(due_s: float, latency_s: float = 0.1, status: int = 200, problem: str = "") -> Outcome:
    return Outcome(0, due_s, due_s, due_s + latency_s, status, problem)


def steady(start_s: float, end_s: float) -> list[Outcome]:
    """Two fast answers a second."""
    return [outcome(number / 2) for number in range(round(2 * start_s), round(2 * end_s))]


def damage(*extra: Outcome):
    return damage_of([*steady(0, 20), *extra], MOMENT_S, 1000 * BOUND_S)


def test_without_harm_nothing_is_lost_and_p99_never_left_its_bound():
    found = damage()

    assert (found.sent, found.answered, found.refused, found.lost) == (40, 40, 0, 0)
    assert found.recovered_s == 0
    assert found.lost_until_s == -math.inf


def test_a_503_is_refused_and_anything_else_but_a_right_answer_is_lost():
    others = [outcome(5, status=503), outcome(5, status=0), outcome(5, status=500)]
    found = damage(*others, outcome(5, problem="another picture"), outcome(5, status=422))

    assert (found.answered, found.refused, found.lost) == (40, 1, 4)


def test_a_request_that_was_in_flight_was_lost_before_the_incident():
    assert damage(outcome(3.9, status=0)).lost_until_s < 0
    assert damage(outcome(3.9, status=0), outcome(6, status=0)).lost_until_s == 2


def test_what_was_lost_before_the_incident_is_not_its_doing():
    assert damage(outcome(3.5, latency_s=0.2, status=500)).lost_before == 1
    assert damage(outcome(3.9, latency_s=0.2, status=0)).lost_before == 0


def test_the_service_fails_as_long_as_new_requests_wait_or_are_refused():
    assert damage(outcome(3.9, status=0)).failing_until_s == -math.inf
    assert damage(outcome(9, latency_s=6)).failing_until_s == 5
    assert damage(outcome(9, latency_s=4)).failing_until_s == -math.inf
    assert damage(outcome(9, status=503)).failing_until_s == 5


def test_p99_is_back_when_the_last_slow_request_has_ended():
    assert recovered_s([*steady(0, 20), outcome(5, latency_s=3)], MOMENT_S, BOUND_S) == 4.0


def test_a_request_that_failed_is_endlessly_slow():
    assert recovered_s([*steady(0, 20), outcome(6, status=503)], MOMENT_S, BOUND_S) > 2


def test_slow_requests_of_before_do_not_count():
    assert recovered_s([outcome(1, latency_s=2), *steady(0, 20)], MOMENT_S, BOUND_S) == 0


def test_without_a_good_window_after_it_p99_is_not_back():
    late = outcome(20 - WINDOW_S / 2, latency_s=2)

    assert recovered_s([*steady(0, 20), late], MOMENT_S, BOUND_S) == math.inf


def test_where_nothing_is_due_after_it_p99_has_no_way_back():
    assert math.isnan(damage_of(steady(0, MOMENT_S), MOMENT_S, BOUND_S).recovered_s)


def test_in_a_large_window_p99_bears_one_slow_request():
    many = [outcome(number / 50) for number in range(1000)]

    assert recovered_s([*many, outcome(8, latency_s=2)], MOMENT_S, BOUND_S) == 0


def test_the_gap_is_the_time_without_a_right_answer():
    found = damage_of([*steady(0, 5), *steady(9, 12)], MOMENT_S, 1000)

    assert found.longest_gap_s == 4.5
