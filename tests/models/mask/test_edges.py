import asyncio

import numpy as np
import pytest

from models.crop.edge import photo_corners
from models.mask.detect import MaskFinding
from models.mask.edges import find_to_edge
from models.pipeline import Options, unmask
from tests.models.fakes import FakeStages, grey_photo, run

SHIFT = np.array([[1, 0, 0], [0, 1, 0]], np.float32)
CORNERS = photo_corners(SHIFT, (200, 256))  # the photo ends at row 200 of the frame


def look(bottom):
    """Finds a mask down to row `bottom`, or to row 200 if the face has a flat colour below it."""
    seen = []

    async def find_mask(face):
        seen.append(face)
        mask = np.zeros((256, 256), bool)
        mask[120 : 200 if (face[200:] == face[255, 255]).all() else bottom, 60:190] = True
        mask[120:200, 60:90] |= bottom > 180
        return MaskFinding(mask, 0.9 if len(seen) == 1 else 0.7)

    face = np.random.default_rng(0).integers(0, 255, (256, 256, 3), np.uint8)
    return asyncio.run(find_to_edge(face, CORNERS, find_mask, asyncio.to_thread)), seen


def test_a_mask_that_reaches_the_photos_edge_is_found_to_its_end():
    finding, seen = look(190)

    assert len(seen) == 2
    assert finding.mask[120:200, 60:190].all()
    assert finding.probability == 0.9


def test_the_second_look_has_the_photo_as_it_is_and_its_mean_colour_beyond():
    _, (first, second) = look(190)

    np.testing.assert_array_equal(second[:200], first[:200])
    mean = first[:200].mean(axis=(0, 1))
    np.testing.assert_allclose(second[200:].mean(axis=(0, 1)), mean, atol=0.6)


@pytest.mark.parametrize("bottom", [150, 180])
def test_a_mask_that_ends_before_the_photo_is_looked_for_once(bottom):
    _, seen = look(bottom)

    assert len(seen) == 1


@pytest.mark.parametrize(("shift", "reaches"), [((100, 440), True), ((100, 300), False)])
def test_of_a_mask_that_the_photos_edge_cuts_no_mirror_image_is_painted_beside(shift, reaches):
    class Looking(FakeStages):
        async def paint(self, face, hole, wish):
            self.hole = hole
            return await super().paint(face, hole, wish)

    stages = Looking([shift], [0.9, 0.9])

    run(unmask(grey_photo(), stages, Options()))

    assert stages.hole[205:].all() == stages.hole[205:].any() == reaches


def test_along_the_photos_edge_only_the_mask_is_painted():
    stages = FakeStages([(100, 439.6)], [0.9, 0.9])

    result = run(unmask(grey_photo(), stages, Options()))

    last = result.painted[639].astype(int)
    assert np.abs(last[:165] - 128).max() <= 1
    assert (last[190:270, 0] > 240).all()
