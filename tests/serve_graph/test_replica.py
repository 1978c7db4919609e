"""What a change of `user_config` does to a replica."""

import asyncio

import pytest
from pydantic import ValidationError

from serve_graph import replica
from serve_graph.face_cropper import FaceCropper
from serve_graph.inpainter import Inpainter
from serve_graph.logs import log
from serve_graph.mask_detector import MaskDetector
from tests.recorder import MemoryRecorder

WRONG = {"max_batchsize": 8}


KINDS = [FaceCropper, MaskDetector, Inpainter]


@pytest.fixture(params=KINDS, ids=lambda kind: kind.name)
def starting(request, tiny_weights, monkeypatch):
    """A replica that Serve hasn't checked yet."""
    monkeypatch.setattr(replica, "Recorder", MemoryRecorder)
    fan = (None,) if request.param is Inpainter else ()
    return request.param.func_or_class(tiny_weights, "cpu", 1, *fan)


def sizes(one):
    """The largest batch of each stage of a replica."""
    return {batcher.batching.max_batch_size for batcher, _ in one._trials}


def test_a_user_config_reaches_each_stage_of_a_replica(starting):
    starting.reconfigure({"max_batch_size": 4})

    assert sizes(starting) == {4}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_without_user_config_a_replica_is_told_so(kind):
    assert kind.user_config == {}  # Serve passes no None on


def test_a_wrong_change_is_logged_and_leaves_a_running_replica_as_it_was(starting, caplog):
    starting.reconfigure({"max_batch_size": 4})
    asyncio.run(starting.check_health())
    log.addHandler(caplog.handler)
    try:
        starting.reconfigure(WRONG)
    finally:
        log.removeHandler(caplog.handler)

    assert sizes(starting) == {4}
    assert "max_batchsize: Extra inputs are not permitted." in caplog.text


def test_a_replica_does_not_start_with_a_wrong_user_config(starting):
    with pytest.raises(ValidationError, match="max_batchsize"):
        starting.reconfigure(WRONG)
