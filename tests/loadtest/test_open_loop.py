import asyncio

import numpy as np
import pytest

from loadtest.http_client import encode_form
from loadtest.open_loop import Outcome, Plan, capacity_of, send, send_in_turn, summary
from tests.loadtest.small_server import raw, serving

MESSAGE = encode_form("/v1/unmask", {"photo": b"jpeg"}, {"faces": "all"})
REFUSED = 503


def request(_index: int) -> bytes:
    return MESSAGE


def run(url, plan, **options) -> list[Outcome]:
    return asyncio.run(send(url, plan.arrivals_s, request, **options))


async def right(_number: int, _body: bytes) -> bytes:
    return raw()


def outcome(scheduled_s: float, answered_s: float, status: int = 200) -> Outcome:
    return Outcome(0, scheduled_s, scheduled_s, answered_s, status)


def test_the_same_seed_gives_the_same_arrivals():
    first, same, other = (Plan(50, 4, seed).arrivals_s for seed in (1, 1, 2))

    assert first == same != other


def test_arrivals_come_at_the_rate_asked_for_and_at_random():
    gaps = np.diff([0.0, *Plan(1000, 20, seed=0).arrivals_s])

    assert gaps.mean() == pytest.approx(1e-3, rel=0.03)
    assert gaps.std() == pytest.approx(1e-3, rel=0.05)  # for an exponential, equal to the mean


def test_each_arrival_of_the_plan_becomes_one_right_outcome():
    plan = Plan(100, 0.5, seed=0)
    with serving(right) as server:
        outcomes = run(server.url, plan)

    assert [one.scheduled_s for one in outcomes] == plan.arrivals_s
    assert all(one.is_right for one in outcomes)
    assert server.requests == len(outcomes)


def test_a_slow_server_does_not_slow_the_sender():
    async def slow(_number: int, _body: bytes) -> bytes:
        await asyncio.sleep(0.5)
        return raw()

    with serving(slow) as server:
        outcomes = run(server.url, Plan(60, 0.5, seed=0))

    assert max(one.sent_s - one.scheduled_s for one in outcomes) < 0.25
    assert server.connections == len(outcomes)


def test_latency_counts_from_the_schedule_though_the_sender_was_late():
    late = Outcome(0, scheduled_s=1.0, sent_s=2.0, answered_s=3.5, status=200)

    assert late.latency_s == 2.5


def test_each_request_has_a_connection_of_its_own_as_if_it_came_from_another_caller():
    """With kept connections, one worker of a server could get all requests."""
    with serving(right) as server:
        asyncio.run(send_in_turn(server.url, 20, request))

    assert (server.connections, server.requests) == (20, 20)


def test_several_clients_ask_at_the_same_time():
    together = 0

    async def count(_number: int, _body: bytes) -> bytes:
        nonlocal together
        before = server.requests
        await asyncio.sleep(0.1)
        together = max(together, server.requests - before + 1)
        return raw()

    with serving(count) as server:
        outcomes = asyncio.run(send_in_turn(server.url, 9, request, clients=3))

    assert len(outcomes) == 9
    assert together >= 3


def test_the_capacity_is_that_while_all_clients_are_sending():
    outcomes = [outcome(0, number / 10) for number in range(1, 11)]

    assert capacity_of([*outcomes, outcome(0, 5.0)], clients=2) == pytest.approx(10)


def test_a_hung_up_request_is_lost_and_the_next_one_is_sent():
    async def first_hangs_up(number: int, _body: bytes) -> bytes:
        return raw() if number else b""

    with serving(first_hangs_up) as server:
        outcomes = run(server.url, Plan(50, 0.4, seed=0))

    assert [one.is_lost for one in outcomes].count(True) == 1
    assert len(outcomes) > 2


def test_an_answer_past_the_timeout_is_lost():
    async def never(_number: int, _body: bytes) -> bytes:
        await asyncio.sleep(3)
        return raw()

    with serving(never) as server:
        outcomes = run(server.url, Plan(20, 0.2, seed=0), timeout_s=0.2)

    assert {one.status for one in outcomes} == {0}


def test_nobody_there_is_lost():
    with serving(right) as server:
        url = server.url

    assert all(one.is_lost for one in run(url, Plan(20, 0.2, seed=0)))


def test_the_check_makes_an_answer_wrong_and_sees_its_body():
    with serving(right) as server:
        plan = Plan(50, 0.2, seed=0)
        outcomes = run(server.url, plan, check=lambda _index, answer: answer.body.decode())

    assert {one.problem for one in outcomes} == {"picture"}
    assert summary(outcomes).wrong == len(outcomes)


def test_an_answer_in_chunks_is_put_together():
    async def chunks(_number: int, _body: bytes) -> bytes:
        head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        return head + b"3\r\npic\r\n4;x=y\r\nture\r\n0\r\n\r\n"

    with serving(chunks) as server:
        outcomes = run(server.url, Plan(50, 0.2, seed=0), check=lambda _, a: a.body.decode())

    assert {one.problem for one in outcomes} == {"picture"}


def test_the_form_arrives_as_it_was_given():
    bodies = []

    async def keep(_number: int, body: bytes) -> bytes:
        bodies.append(body)
        return raw()

    with serving(keep) as server:
        asyncio.run(send_in_turn(server.url, 1, request))

    photo, fields, end = bodies[0].split(b"--mask2face-load-test-d2f1c9")[1:]
    assert b'name="photo"; filename="photo.jpg"' in photo
    assert photo.endswith(b"\r\n\r\njpeg\r\n")
    assert fields.endswith(b'name="faces"\r\n\r\nall\r\n')
    assert end == b"--\r\n"


def test_the_summary_counts_by_status():
    outcomes = [outcome(0, 1), outcome(0, 1), outcome(0, 1, REFUSED), outcome(0, 1, 0)]
    result = summary(outcomes)

    assert result.statuses == {200: 2, REFUSED: 1}
    assert (result.sent, result.right, result.wrong, result.lost) == (4, 2, 0, 1)
    assert result.failed_share == 0.5


def test_percentiles_are_those_of_right_answers_only():
    result = summary([outcome(0, 0.1), outcome(0, 0.3), outcome(0, 9, REFUSED)])

    assert result.p50_ms == pytest.approx(200)
    assert result.p99_ms == pytest.approx(298)


def test_the_longest_gap_is_between_right_answers_and_at_the_ends():
    right_ones = [outcome(0, 1), outcome(1, 2), outcome(3, 6)]

    assert summary(right_ones).longest_gap_s == 4
    assert summary([*right_ones, outcome(6, 20, REFUSED)]).longest_gap_s == 14


def test_with_tls_a_certificate_must_be_trusted(certificate, monkeypatch):
    with serving(right, certificate) as server:
        trusted = run(server.url, Plan(20, 0.2, seed=0))
        monkeypatch.delenv("SSL_CERT_FILE")
        untrusted = run(server.url, Plan(20, 0.2, seed=0))

    assert all(one.is_right for one in trusted)
    assert all("self-signed certificate" in one.problem for one in untrusted)
