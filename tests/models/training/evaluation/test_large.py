import threading
import time

import numpy as np
import pytest

from models.stages import load_models
from models.training.evaluation.report import summarize
from models.training.evaluation.service import Service
from models.training.pictures import read_image, write_image, write_mask
from tests.models.training.evaluation.photos import covered, face

pytestmark = pytest.mark.usefixtures("seeing")


@pytest.fixture
def large(folder):
    """The person to swap, in a photo twice as fine as the patch."""

    def twice(picture):  # upper left in a photo that the detector sees at half size
        doubled = picture.repeat(2, axis=0).repeat(2, axis=1)
        return np.pad(doubled, ((0, 512), (0, 512), (0, 0))[: picture.ndim])

    for kind in ("truth", "masked"):
        write_image(folder / "swap" / kind / "1.png", twice(face(masked=kind == "masked")))
    write_mask(folder / "swap" / "mask" / "1.png", twice(covered()))


@pytest.mark.usefixtures("large")
def test_a_large_face_is_pasted_in_four_ways(score, tmp_path):
    result = score()

    (large,) = result.large
    assert large.finer == pytest.approx(2, abs=0.01)
    assert list(large.marks) == [
        "bicubic enlargement",
        "bicubic of the lifted 256 px result",
        "as served",
        "as served, sharpened",
    ]
    assert len(set(large.marks.values())) == 4
    assert summarize(result).large.pictures == 1
    assert read_image(tmp_path / "out" / "large" / "1.png").shape == (1024, 1024, 3)
    assert (tmp_path / "out" / "sheet_large.jpg").exists()


@pytest.mark.usefixtures("large")
def test_the_bicubic_rows_differ_in_the_lift_alone(score, monkeypatch):
    monkeypatch.setattr("models.training.evaluation.large.lift_detail", lambda face, _: face)

    (large,) = score().large

    raw, lifted, served, _ = large.marks.values()
    assert raw == lifted != served


@pytest.mark.usefixtures("large")
def test_each_large_face_is_drawn_as_served_and_enlarged_as_it_is(score, tmp_path, monkeypatch):
    blank = np.zeros((256, 256, 3), np.uint8)
    monkeypatch.setattr("models.training.evaluation.large.lift_detail", lambda *_: blank)

    score()

    drawn = [read_image(tmp_path / "out" / name / "1.png") for name in ("large_bicubic", "large")]
    plain, served = (picture[300:360, 220:300].mean() for picture in drawn)
    assert plain > served + 50


@pytest.mark.usefixtures("large")
def test_the_time_of_threads_that_a_paste_starts_counts(score, monkeypatch):
    def compute():
        end = time.thread_time() + 0.1
        while time.thread_time() < end:
            pass

    def paste(*_, **__):
        thread = threading.Thread(target=compute)
        thread.start()
        thread.join()

    monkeypatch.setattr("models.training.evaluation.large.paste_face", paste)

    (large,) = score().large

    assert all(seconds > 0.1 for seconds in large.seconds.values())


def test_a_face_no_finer_than_the_patch_is_not_large(score):
    result = score()

    assert result.large == []
    assert summarize(result).large is None


@pytest.mark.usefixtures("large")
@pytest.mark.parametrize("shown", [1.0, 0.37], ids=["whole", "cut through the mask"])
def test_a_face_is_painted_alike_under_a_given_mask_and_under_the_found_one(
    folder, tiny_weights, monkeypatch, shown
):
    photo, service = folder / "swap" / "masked" / "1.png", Service(load_models(tiny_weights, "cpu"))
    pixels = read_image(photo)
    write_image(photo, pixels[: round(shown * len(pixels))])
    served = service.unmask(photo)
    face = served.faces[0]
    same = face.found.crop, face.hole
    monkeypatch.setattr("models.training.evaluation.service._cut", lambda *_: same)

    painted, _ = service.paint(photo, face.found.frame, face.hole)

    np.testing.assert_array_equal(painted, served.painted)
