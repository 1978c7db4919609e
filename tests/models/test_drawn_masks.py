"""A mask drawn over one face isn't shared with hands and posters beside it."""

import numpy as np
import pytest

from models.crop.detect import Face
from models.errors import DrawnMaskError
from models.pipeline import Options, find_masks, unmask
from tests.conftest import CANONICAL
from tests.models.fakes import FakeStages, drawn_mask, grey_photo, run

SURE, DOUBTFUL = 0.9, 0.35
AT = (150, 150)
OVER_IT = (220, 280, 340, 370)  # a mask over the face there
HAND = ((250, 190), 0.7, DOUBTFUL)
POSTER = ((60, 60), 1.6, DOUBTFUL)


class Finds(FakeStages):
    """Faces of these places, sizes and scores."""

    def __init__(self, *faces):
        super().__init__([])
        self.faces = faces

    async def detect(self, thumb):
        return [self._face(*face) for face in self.faces]

    def _face(self, shift, size, score):
        points = ((CANONICAL * size + shift) * self.scale).astype(np.float32)
        box = np.concatenate([points.min(axis=0), points.max(axis=0)])
        return Face(box, score, points)


def edited(faces, *boxes, which="all"):
    work = unmask(grey_photo(), Finds(*faces), Options(faces=which), drawn=drawn_mask(*boxes))
    return [one.found.index for one in run(work).faces if one.painted is not None]


@pytest.mark.parametrize("which", ["all", "largest"])
@pytest.mark.parametrize("other", [HAND, POSTER])
def test_a_drawn_mask_is_the_sure_faces_alone(other, which):
    assert edited([(AT, 1, SURE), other], OVER_IT, which=which) == [0]


def test_a_doubtful_find_leaves_nothing_of_a_drawn_mask_bare():
    drawn, stages = drawn_mask(OVER_IT), Finds((AT, 1, SURE), HAND)

    result = run(unmask(grey_photo(), stages, Options(), drawn=drawn))

    assert (result.painted[drawn] == (255, 0, 0)).all()


def test_a_mask_over_a_doubtful_find_alone_is_its_own():
    beside = ((300, 150), 1, DOUBTFUL)  # its mask reaches into the other face's frame

    assert edited([(AT, 1, SURE), beside], (370, 280, 480, 370)) == [1]


def test_a_doubtful_find_under_a_drawn_mask_of_its_own_counts_beside_a_sure_one():
    beside = ((320, 150), 1, DOUBTFUL)

    assert edited([(AT, 1, SURE), beside], OVER_IT, (390, 280, 500, 370)) == [0, 1]


def test_a_doubtful_find_that_is_named_takes_the_drawn_mask():
    assert edited([(AT, 1, SURE), HAND], OVER_IT, which=(1,)) == [1]


def test_where_no_sure_face_is_a_doubtful_one_takes_the_drawn_mask():
    assert edited([(AT, 1, DOUBTFUL)], OVER_IT) == [0]


def test_a_mask_on_no_face_is_still_refused():
    work = find_masks(
        grey_photo(), Finds((AT, 1, SURE), HAND), Options(), drawn_mask((0, 600, 30, 640))
    )

    with pytest.raises(DrawnMaskError, match="on no face"):
        run(work)


def test_a_mask_over_nearly_all_of_the_face_is_refused():
    whole = drawn_mask((0, 0, 639, 640))

    with pytest.raises(DrawnMaskError, match="too little of the face: keep the eyes"):
        run(unmask(grey_photo(), Finds((AT, 1, SURE)), Options(), drawn=whole))


def test_a_face_hidden_by_a_drawn_mask_stays_while_another_is_painted():
    second = ((380, 150), 1, SURE)

    assert edited([((0, 150), 1, SURE), second], (0, 0, 256, 640), (450, 280, 570, 370)) == [1]
