"""Faces that the photo shows in finer detail than the editor paints."""

import numpy as np
import pytest

from models import outcome
from models.crop.detect import Face
from models.landmarks.guess import Wish
from models.pipeline import Options, unmask
from tests.models.fakes import FakeStages, grey_photo, run


class Near(FakeStages):
    """A face `times` as large as the frame."""

    def __init__(self, times):
        super().__init__([(40, 40)], photo_px=900)
        self.times = times

    async def detect(self, thumb):
        found = await super().detect(thumb)
        times = self.times
        return [Face(one.box * times, one.score, one.points * times) for one in found]


@pytest.mark.parametrize(("times", "calls"), [(1.0, 0), (2.0, 2)])
def test_faces_finer_than_the_painter_paints_are_cleared_once_more(monkeypatch, times, calls):
    cleared = []
    monkeypatch.setattr(outcome, "lift_large", lambda face, _: cleared.append(face) or face)
    options = Options(wish=Wish(candidates=2))

    run(unmask(grey_photo(900), Near(times), options))

    assert len(cleared) == calls


def test_a_large_face_is_cleared_where_it_was_painted(monkeypatch):
    holes = []
    monkeypatch.setattr(outcome, "lift_large", lambda face, hole: holes.append(hole) or face)

    result = run(unmask(grey_photo(900), Near(2.0), Options()))

    (hole,) = holes
    np.testing.assert_array_equal(hole, result.faces[0].hole)
    assert 0 < hole.mean() < 0.5
