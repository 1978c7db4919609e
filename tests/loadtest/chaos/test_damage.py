import math

from loadtest.chaos.damage import ANSWER_S, ENOUGH, damage_of, damage_of_end, in_flight, recovered_s
from loadtest.open_loop import Outcome

MOMENT_S, BOUND_S = 4.0, 1.0


def outcome(due_s: float, latency_s: float = 0.1, status: int = 200, problem: str = "") -> Outcome:
    return Outcome(0, due_s, due_s, due_s + latency_s, status, problem)


def steady(start_s: float, end_s: float) -> list[Outcome]:
    """Five fast answers a second."""
    return [outcome(number / 5) for number in range(round(5 * start_s), round(5 * end_s))]


def damage(*extra: Outcome):
    return damage_of([*steady(0, 40), *extra], MOMENT_S, 1000 * BOUND_S)


def test_without_harm_nothing_is_lost_and_p99_never_left_its_bound():
    found = damage()

    assert (found.sent, found.answered, found.refused, found.lost) == (200, 200, 0, 0)
    assert found.recovered_s == 0
    assert found.lost_until_s == -math.inf


def test_a_503_is_refused_and_anything_else_but_a_right_answer_is_lost():
    others = [outcome(5, status=503), outcome(5, status=0), outcome(5, status=500)]
    found = damage(*others, outcome(5, problem="another picture"), outcome(5, status=422))

    assert (found.answered, found.refused, found.lost) == (200, 1, 4)


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


def test_p99_is_back_when_all_late_requests_but_one_in_a_hundred_have_ended():
    late = [outcome(5, latency_s=3), outcome(6, latency_s=3), outcome(7, latency_s=3)]

    assert recovered_s([*steady(0, 40), *late], MOMENT_S, BOUND_S) == 5.0


def test_one_late_request_in_a_hundred_leaves_p99_within_its_bound():
    late = [outcome(10, latency_s=2), outcome(30, latency_s=2)]

    assert recovered_s([*steady(0, 40), late[0]], MOMENT_S, BOUND_S) == 0
    assert recovered_s([*steady(0, 40), *late], MOMENT_S, BOUND_S) > 0


def test_a_request_that_failed_is_endlessly_slow():
    refused = [outcome(6, status=503), outcome(7, status=0)]

    assert recovered_s([*steady(0, 40), *refused], MOMENT_S, BOUND_S) > 2


def test_slow_requests_of_before_do_not_count():
    slow = [outcome(1, latency_s=2)] * 5

    assert recovered_s([*slow, *steady(0, 40)], MOMENT_S, BOUND_S) == 0


def test_without_a_hundred_requests_after_it_p99_is_not_back():
    answers = steady(MOMENT_S, MOMENT_S + ENOUGH / 5)

    assert recovered_s(answers, MOMENT_S, BOUND_S) == 0
    assert recovered_s(answers[1:], MOMENT_S, BOUND_S) == math.inf


def test_who_is_late_to_the_end_is_not_back():
    late = [outcome(5 + number, latency_s=2) for number in range(30)]

    assert recovered_s([*steady(0, 40), *late], MOMENT_S, BOUND_S) == math.inf


def test_where_nothing_is_due_after_it_p99_has_no_way_back():
    assert math.isnan(damage_of(steady(0, MOMENT_S), MOMENT_S, 1000 * BOUND_S).recovered_s)


def test_the_gap_is_the_time_without_a_right_answer():
    found = damage_of([*steady(0, 5), *steady(9, 12)], MOMENT_S, 1000)

    assert found.longest_gap_s == 4.2


def back_s(load: list[Outcome], burst: list[Outcome]) -> float:
    return damage_of(load, MOMENT_S, 1000 * BOUND_S, burst).recovered_s


def test_a_burst_counts_among_what_was_sent_and_lost():
    burst = [outcome(3.9), outcome(3.9, status=0), outcome(3.9, status=503)]
    found = damage_of(steady(0, 40), MOMENT_S, 1000 * BOUND_S, burst)

    assert (found.sent, found.answered, found.refused, found.lost) == (203, 201, 1, 1)


def test_that_a_burst_waits_for_itself_does_not_delay_the_way_back():
    assert back_s(steady(0, 40), [outcome(3.9, latency_s=2 * BOUND_S)] * 6) == 0


def test_a_burst_does_not_help_p99_back():
    late = [outcome(10, latency_s=2)]
    load = [*steady(MOMENT_S, MOMENT_S + ENOUGH / 5 - 1), *late]  # too few, and one is late

    assert back_s(load, [outcome(3.9, latency_s=0.2)] * 50) == math.inf


def test_p99_is_not_back_before_one_of_the_burst_is_that_hung_or_failed():
    hung, failed = outcome(3.9, latency_s=ANSWER_S + 4), outcome(3.9, latency_s=3.1, status=0)

    assert round(back_s(steady(0, 40), [hung]), 6) == 8.9
    assert round(back_s(steady(0, 40), [failed]), 6) == 3.0


def test_in_flight_is_what_was_sent_before_and_answered_after():
    outcomes = [outcome(3.9, latency_s=0.2), outcome(3, latency_s=0.5), outcome(4.1)]

    assert in_flight(outcomes, MOMENT_S) == 1


REFUSED, BROKEN = "ConnectionRefusedError: [Errno 111]", "IncompleteReadError: 0 bytes"


def end(*after: Outcome):
    return damage_of_end([*steady(0, MOMENT_S), *after], MOMENT_S, 1000 * BOUND_S)


def test_who_comes_when_the_port_is_closed_for_good_is_not_lost():
    closed = [outcome(8, status=0, problem=REFUSED), outcome(9, status=0, problem=REFUSED)]
    found = end(outcome(5, status=503), *closed)

    assert (found.sent, found.refused, found.closed, found.lost) == (23, 1, 2, 0)
    assert found.problems == []


def test_who_is_refused_before_another_gets_a_connection_is_lost():
    found = end(outcome(5, status=0, problem=REFUSED), outcome(6, status=503))

    assert (found.refused, found.closed, found.lost) == (1, 0, 1)


def test_a_503_for_a_request_that_was_in_flight_is_told_from_later_ones():
    found = end(outcome(3.9, latency_s=0.2, status=503), outcome(5, status=503))

    assert (found.refused, found.refused_in_flight) == (2, 1)
    assert end(outcome(3.5, status=503)).refused_in_flight == 0


def test_an_answer_that_breaks_off_at_the_end_is_lost():
    found = end(outcome(3.9, status=0, problem=BROKEN), outcome(8, status=0, problem=REFUSED))

    assert (found.closed, found.lost) == (1, 1)


def test_after_an_end_there_is_neither_a_gap_nor_a_way_back():
    found = end(outcome(30, status=0, problem=REFUSED))

    assert found.longest_gap_s < 1
    assert math.isnan(found.recovered_s)


def test_a_request_without_an_answer_is_not_taken_for_zero_errors():
    cut_off = outcome(5, status=0, problem="IncompleteReadError: 0 bytes read")

    assert damage(cut_off, outcome(5, status=500)).problems == [
        "500",
        "no answer: IncompleteReadError: 0 bytes read",
    ]
