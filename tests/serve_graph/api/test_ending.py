"""The end of a replica: accepted requests are answered, new ones are refused."""

import asyncio

import pytest

from serve_graph.draining import Draining


@pytest.fixture
def draining():
    return Draining()


@pytest.fixture
def client(make_client, draining):
    return make_client(draining=draining, retry_after_s=4)


@pytest.fixture
def post(client, photo):
    return lambda: client.post("/v1/unmask", files={"photo": photo})


async def start(coroutine):
    """Lets a task run until it waits inside a stage."""
    task = asyncio.create_task(coroutine)
    await asyncio.sleep(0.1)
    return task


async def test_what_was_taken_in_is_answered_first(post, stages, draining):
    stages.delay_s = 0.3
    held = await start(post())

    await asyncio.wait_for(draining.finish(), 5)

    assert held.done()
    assert held.result().status_code == 200


async def test_a_new_request_is_refused_and_its_connection_closed(post, stages, draining):
    stages.delay_s = 0.3
    held = await start(post())
    ending = await start(draining.finish())
    answer = await post()

    assert (answer.status_code, answer.json()["type"]) == (503, "/problems/ending")
    assert (answer.headers["retry-after"], answer.headers["connection"]) == ("4", "close")
    await asyncio.gather(held, ending)


async def test_without_requests_it_ends_at_once(post, draining):
    await post()

    await asyncio.wait_for(draining.finish(), 1)


async def test_requests_that_come_later_do_not_hold_the_end_up(draining):
    ending = await start(draining.finish())
    with draining.request():
        await asyncio.wait_for(ending, 1)


async def test_a_request_that_failed_does_not_hold_the_end_up(post, stages, draining):
    stages.error = RuntimeError("broken")
    await post()

    await asyncio.wait_for(draining.finish(), 1)


async def test_it_is_not_ready_any_more_but_alive(client, draining):
    await draining.finish()

    assert (await client.get("/readyz")).status_code == 503
    assert (await client.get("/healthz")).status_code == 200
