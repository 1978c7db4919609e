"""A face whose mask continues below the frame is examined a second time."""

import numpy as np

from models.mask.detect import MaskFinding
from models.pipeline import Options, find_masks, unmask
from tests.models.fakes import FakeStages, grey_photo, run


class Doubting(FakeStages):
    """Sees a mask down to the frame's lower edge, and none the second time."""

    async def find_mask(self, face):
        self.calls.append("mask")
        mask = np.zeros((256, 256), bool)
        mask[130:, 80:180] = True
        return MaskFinding(mask, 0.9 if self.calls.count("mask") == 1 else 0.2)


def test_a_second_look_that_sees_no_mask_leaves_the_first_as_it_is():
    stages = Doubting([(100, 100)])

    (found,) = run(find_masks(grey_photo(), stages, Options())).faces

    assert stages.calls.count("mask") == 2
    assert found.finding.probability == 0.9
    np.testing.assert_allclose(found.frame[:, 2], (-100, -100), atol=0.5)


def test_a_face_whose_second_look_sees_no_mask_is_painted():
    assert run(unmask(grey_photo(), Doubting([(100, 100)]), Options())).changed
