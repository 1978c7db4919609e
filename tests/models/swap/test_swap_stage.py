import asyncio

import numpy as np
import pytest

from models.inpaint.paint import Painted
from models.stages import LocalStages, Reference
from models.swap.swap import swap_face

WAYS = [(warp, blend) for warp in ("mesh", "2d") for blend in ("feather", "poisson")]


@pytest.mark.parametrize(("warp", "blend"), WAYS)
def test_a_swap_is_done_in_the_way_that_was_asked_for(texture, landmarks, hole, warp, blend):
    stages = LocalStages(None, warp=warp, blend=blend)
    own = (landmarks + np.random.default_rng(0).normal(0, 2, (68, 2))).astype(np.float32)
    work = Painted(texture(0), landmarks), hole, Reference(texture(1), own)

    swapped = asyncio.run(stages.swap(*work))

    each = {way: swap_face(texture(0), landmarks, hole, texture(1), own, *way) for way in WAYS}
    assert [way for way in WAYS if np.array_equal(each[way], swapped)] == [(warp, blend)]
