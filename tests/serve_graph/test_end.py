"""The end of `mask2face serve`, step by step; `make chaos` tests it under load."""

import asyncio
from types import SimpleNamespace

import pytest
from ray import serve

from serve_graph import launch, watch
from serve_graph.draining import Draining
from serve_graph.ingress import Ingress
from serve_graph.logs import log

CONTENT = {"applications": [{"name": "one", "import_path": "serve_graph.app:build"}]}


@pytest.fixture
def end(monkeypatch):
    """The ingress, and the steps so far; each takes a while."""
    done = []

    def step(name):
        async def take(*_, **__):
            done.append(name)
            await asyncio.sleep(0.01)
            done.append(f"{name} done")

        return take

    ingress = SimpleNamespace(
        broadcast=lambda method: SimpleNamespace(results_async=lambda **_: step(method)())
    )
    monkeypatch.setattr(serve, "shutdown_async", step("shutdown"))
    monkeypatch.setattr(launch, "wait_for_clients", step("clients"))
    monkeypatch.setattr(launch, "stop_haproxy", step("doors"))
    monkeypatch.setattr(launch, "LINGER_S", 0)
    return ingress, done


def test_replicas_answer_and_clients_take_it_before_serve_ends(end):
    ingress, steps = end

    asyncio.run(launch._end(CONTENT, [ingress]))

    assert steps == ["drain", "drain done", "clients", "clients done", "shutdown", "shutdown done"]


async def test_a_replica_that_starts_during_the_end_is_drained_too():
    replicas = [Draining()]

    async def drain_all(**_):
        known = list(replicas)
        if len(replicas) == 1:
            replicas.append(Draining())  # Serve replaces one that died before
        return [await one.finish() for one in known]

    ingress = SimpleNamespace(broadcast=lambda _: SimpleNamespace(results_async=drain_all))

    await asyncio.wait_for(launch._drain([ingress]), 1)

    assert [one.has_begun for one in replicas] == [True, True]


async def test_an_ingress_that_can_not_be_drained_is_logged_and_the_other_is_drained(caplog):
    other = Draining()

    async def fail(**_):
        raise ConnectionError("no replica")

    async def drain(**_):
        return [await other.finish()]

    ingresses = [
        SimpleNamespace(broadcast=lambda _, do=do: SimpleNamespace(results_async=do))
        for do in (fail, drain)
    ]

    log.addHandler(caplog.handler)
    try:
        await asyncio.wait_for(launch._drain(ingresses), 1)
    finally:
        log.removeHandler(caplog.handler)

    assert other.has_begun
    assert "no replica" in caplog.text


def test_without_rays_own_processes_the_doors_are_closed_and_serve_is_asked_nothing(
    end, monkeypatch
):
    ingress, steps = end
    monkeypatch.setattr(watch, "what_died", lambda: "raylet")

    asyncio.run(launch._end(CONTENT, [ingress]))

    assert steps == ["doors", "doors done"]


async def test_a_replica_drains_until_its_last_request_is_answered():
    draining = Draining()
    ingress = SimpleNamespace(_service=SimpleNamespace(draining=draining))
    with draining.request():
        ending = asyncio.create_task(Ingress.func_or_class.drain(ingress))
        await asyncio.sleep(0.05)

        assert not ending.done()
        assert draining.has_begun
    assert await asyncio.wait_for(ending, 1)
    assert not await Ingress.func_or_class.drain(ingress)  # it had begun before
