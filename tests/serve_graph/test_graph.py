"""The graph in Ray gives the same result as the pipeline in one process."""

import asyncio

import numpy as np
import pytest
import torch

from models.photo.decode import decode_photo
from models.pipeline import Options, unmask
from models.stages import LocalStages, load_models
from serve_graph import PROJECT
from tests.portrait import bare_portrait, crowd, from_bytes, masked_portrait, to_png

pytestmark = pytest.mark.serve

MAX_MEAN, MAX_FAR, FAR = 0.5, 0.001, 4  # of 255; MAX_FAR: share of pixels beyond FAR


def assert_same_picture(one, other):
    difference = np.abs(one.astype(int) - other.astype(int))
    assert difference.mean() <= MAX_MEAN
    assert (difference.max(axis=2) > FAR).mean() <= MAX_FAR


def in_process(photo, reference=None):
    stages = LocalStages(load_models(PROJECT / "weights"))
    pictures = [None if data is None else decode_photo(data) for data in (photo, reference)]
    return asyncio.run(unmask(pictures[0], stages, Options(), pictures[1])).pixels


@pytest.fixture
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def masked():
    return to_png(masked_portrait().image)


def test_the_split_graph_paints_the_hidden_face(service, masked):
    result = from_bytes(service.post("/v1/unmask", masked).raise_for_status().content)

    worn = masked_portrait()
    difference = np.abs(result.astype(int) - worn.image).max(axis=2)
    assert (difference[worn.mask] > FAR).mean() > 0.9
    assert difference[300:].max() == 0  # her suit


def test_split_and_fused_give_equal_pixels(service, masked):
    split, fused = (
        from_bytes(service.post(path, masked).raise_for_status().content)
        for path in ("/v1/unmask", "/fused/v1/unmask")
    )

    np.testing.assert_array_equal(split, fused)


@pytest.mark.usefixtures("one_thread")
def test_the_graph_and_the_pipeline_in_process_give_equal_pixels(service, masked):
    served = from_bytes(service.post("/v1/unmask", masked).raise_for_status().content)

    np.testing.assert_array_equal(served, in_process(masked))


@pytest.mark.usefixtures("one_thread")
def test_a_swap_is_the_same_in_all_shapes(service, masked):
    reference = to_png(bare_portrait())
    split, fused = (
        from_bytes(
            service.post(path, masked, files={"reference": reference}, data={"consent": "true"})
            .raise_for_status()
            .content
        )
        for path in ("/v1/swap", "/fused/v1/swap")
    )

    np.testing.assert_array_equal(split, fused)
    np.testing.assert_array_equal(split, in_process(masked, reference))


def test_faces_painted_in_one_batch_look_the_same(service):
    photo = to_png(crowd())
    alone = from_bytes(service.post("/fused/v1/unmask", photo).raise_for_status().content)
    batching = {"max_batch_size": 4, "batch_wait_timeout_s": 1.0}

    with service.changed("Inpainter", user_config=batching):
        batched = from_bytes(service.post("/v1/unmask", photo).raise_for_status().content)

    assert_same_picture(batched, alone)


def test_all_stages_are_ready(service):
    import httpx

    answer = httpx.get(service.url + "/readyz", timeout=60)

    assert answer.status_code == 200
    assert answer.json()["stages"] == dict.fromkeys(["crop", "mask", "inpaint", "swap"], True)
