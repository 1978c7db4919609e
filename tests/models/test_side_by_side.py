"""Faces so close together that each one's frame shows the other's mask."""

import numpy as np
import pytest

from models.crop.detect import Face
from models.errors import DrawnMaskError
from models.mask.detect import MaskFinding
from models.pipeline import Options, unmask
from tests.models.fakes import FakeStages, drawn_mask, grey_photo, run

LEFT, RIGHT = (50, 100), (230, 100)  # where their frames begin in the photo
MIDDLE = (50 + 230 + 256) // 2  # column of the photo halfway between their mouths


class Wide(FakeStages):
    """Sees both faces' masks in each frame."""

    async def find_mask(self, face):
        self.calls.append("mask")
        mask = np.zeros((256, 256), bool)
        mask[130:200] = True
        return MaskFinding(mask, 0.99)


def is_painted(result):
    return (result.painted != 128).any(axis=(0, 2))  # by column of the photo


@pytest.mark.parametrize("faces", [(1,), "largest"])
def test_the_mask_of_a_neighbour_who_was_not_chosen_stays(faces):
    stages = Wide([LEFT, RIGHT])  # the second is larger

    result = run(unmask(grey_photo(), stages, Options(faces=faces)))

    assert is_painted(result)[MIDDLE + 9 :].any()
    assert not is_painted(result)[: MIDDLE - 4].any()  # apart from the blend
    assert stages.calls.count("mask") == 1


def test_the_mask_of_a_neighbour_beyond_the_most_faces_stays():
    result = run(unmask(grey_photo(), Wide([LEFT, RIGHT]), Options(max_faces=1)))

    assert not is_painted(result)[MIDDLE + 4 :].any()


def test_a_doubtful_find_that_was_not_chosen_takes_nothing_from_a_face():
    class WithAHand(Wide):
        async def detect(self, thumb):
            first, second = await super().detect(thumb)
            return [first, Face(second.box, 0.3, second.points)]

    result = run(unmask(grey_photo(), WithAHand([LEFT, RIGHT]), Options(faces=(0,))))

    assert is_painted(result)[MIDDLE + 9 : 300].all()


ON_THE_LEFT = drawn_mask((128, 230, 246, 300))  # reaches into the right face's frame


def test_a_mask_drawn_on_one_face_leaves_its_neighbour_bare():
    stages = Wide([LEFT, RIGHT])

    result = run(unmask(grey_photo(), stages, Options(), drawn=ON_THE_LEFT))

    assert [face.painted is not None for face in result.faces] == [True, False]
    assert result.faces[1].found.finding.probability == 0.0


def test_a_mask_drawn_on_two_faces_is_painted_on_both():
    both = ON_THE_LEFT | drawn_mask((308, 230, 420, 300))

    result = run(unmask(grey_photo(), Wide([LEFT, RIGHT]), Options(), drawn=both))

    assert [face.painted is not None for face in result.faces] == [True, True]


@pytest.mark.parametrize("faces", [(0,), "largest"])
def test_a_mask_drawn_on_one_face_is_painted_there_where_that_one_is_meant(faces):
    stages = Wide([LEFT, RIGHT])

    result = run(unmask(grey_photo(), stages, Options(faces=faces), drawn=ON_THE_LEFT))

    assert is_painted(result)[130:244].all()
    assert not is_painted(result)[270:].any()


def test_a_mask_drawn_on_a_neighbour_of_the_chosen_face_is_refused():
    with pytest.raises(DrawnMaskError, match="no face"):
        run(
            unmask(
                grey_photo(),
                Wide([LEFT, RIGHT]),
                Options(faces=(1,)),
                drawn=ON_THE_LEFT,
            )
        )
