import asyncio

import numpy as np
import pytest

from models.inpaint.paint import Painted
from models.stages import LocalStages
from models.swap.reference import Reference
from models.swap.swap import swap_face

WAYS = [(warp, blend) for warp in ("mesh", "2d") for blend in ("feather", "poisson")]


@pytest.mark.parametrize(("warp", "blend"), WAYS)
def test_a_swap_is_done_in_the_way_that_was_asked_for(texture, landmarks, hole, warp, blend):
    stages = LocalStages(None, warp=warp, blend=blend)
    own = (landmarks + np.random.default_rng(0).normal(0, 2, (68, 2))).astype(np.float32)
    reference = Reference(texture(1), own)
    work = Painted(texture(0), landmarks), hole, reference

    swapped = asyncio.run(stages.swap(*work))

    each = {way: swap_face(texture(0), landmarks, hole, reference, *way) for way in WAYS}
    assert [way for way in WAYS if np.array_equal(each[way], swapped)] == [(warp, blend)]


def test_a_swap_knows_where_the_references_photo_ends(texture, landmarks, hole):
    corners = np.array([(0, 0), (255, 0), (0, 194)], np.float32)
    work = Painted(texture(0), landmarks), hole, Reference(texture(1), landmarks, corners)

    swapped = asyncio.run(LocalStages(None).swap(*work))

    np.testing.assert_array_equal(swapped[200:], texture(0)[200:])
