"""Faces that their photo shows finer than the editor paints."""

import pytest

from models import pipeline
from models.clock import Clock
from models.crop.detect import Face
from models.landmarks.guess import Wish
from models.pipeline import Options, unmask
from tests.models.test_pipeline import FakeStages, grey_photo, run


@pytest.mark.parametrize(("times", "calls"), [(1.0, 0), (2.0, 2)])
def test_faces_finer_than_the_painter_paints_are_cleared_once_more(monkeypatch, times, calls):
    class Near(FakeStages):
        async def detect(self, thumb):
            found = await super().detect(thumb)
            return [Face(one.box * times, one.score, one.points * times) for one in found]

    cleared = []
    monkeypatch.setattr(pipeline, "lift_large", lambda face, _: cleared.append(face) or face)
    options = Options(wish=Wish(candidates=2))

    run(unmask(grey_photo(900), Near([(40, 40)], photo_px=900), options, Clock()))

    assert len(cleared) == calls
