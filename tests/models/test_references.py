"""A reference with a photo of several faces."""

import asyncio
from dataclasses import replace

import numpy as np
import pytest

from models.errors import ReferencePhotoError
from models.inpaint.paint import Painted
from models.photo.decode import Photo
from models.photo.profiles import display_p3
from models.pipeline import Options, unmask
from tests.models.fakes import FakeStages, grey_photo, run

RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)


class Two(FakeStages):
    """Two masked faces in the photo, which is examined second; each swap has its colour."""

    def __init__(self, in_reference=1):
        super().__init__([(0, 0), (350, 350)], [0.1] * in_reference + [0.9, 0.9])
        self.in_reference = in_reference

    async def detect(self, thumb):
        faces = await super().detect(thumb)
        return faces[: self.in_reference] if self.calls.count("detect") == 1 else faces

    async def swap(self, painted, hole, reference):
        self.calls.append("swap")
        colour = GREEN if self.calls.count("swap") == 1 else BLUE
        return np.where(hole[..., None], colour, painted.face).astype(np.uint8)


def test_each_face_gets_its_own_swap():
    photo = grey_photo()

    result = run(unmask(photo, Two(), Options(at_once=1), reference=grey_photo()))

    assert tuple(result.pixels[165, 130]) == GREEN
    assert tuple(result.pixels[515, 480]) == BLUE


class OneTurned(Two):
    """The second face of the photo is turned far."""

    async def paint(self, face, hole, wish):
        (painted,) = await super().paint(face, hole, wish)
        points = np.zeros((68, 2), np.float32)
        points[36:42], points[42:48] = (88, 86), (168, 86)
        points[30] = (128 if self.calls.count("paint") == 1 else 168, 130)
        return [Painted(painted.face, points)]


def test_a_head_turned_much_farther_than_the_reference_stays_painted():
    stages = OneTurned()

    result = run(unmask(grey_photo(), stages, Options(), reference=grey_photo()))

    assert [face.swapped is None for face in result.faces] == [False, True]
    assert stages.calls.count("swap") == 1
    assert tuple(result.swapped[165, 130]) == GREEN
    assert tuple(result.swapped[515, 480]) == RED
    assert tuple(result.painted[165, 130]) == RED


def test_the_numbers_of_faces_are_those_of_the_photo_not_of_the_reference():
    options = Options(faces=(1,))

    result = run(unmask(grey_photo(), Two(), options, reference=grey_photo()))

    assert [face.found.index for face in result.faces] == [1]
    assert tuple(result.pixels[515, 480]) == GREEN


@pytest.mark.parametrize(
    "options", [Options(faces="largest"), Options(faces=(0,)), Options(max_faces=1)]
)
def test_a_reference_of_two_faces_is_refused_though_one_of_the_photo_is_edited(options):
    with pytest.raises(ReferencePhotoError, match="2 faces"):
        run(unmask(grey_photo(), Two(2), options, reference=grey_photo()))


class Tiny(FakeStages):
    """A reference whose face is an eighth of the usual size."""

    def __init__(self):
        super().__init__([(300, 300)], [0.1])

    async def detect(self, thumb):
        (face,) = await super().detect(thumb)
        return [replace(face, points=face.points / 8)]


def test_a_reference_whose_face_is_tiny_is_refused():
    with pytest.raises(ReferencePhotoError, match="too small"):
        run(unmask(grey_photo(), Tiny(), Options(), reference=grey_photo()))


class Cut(FakeStages):
    """A reference whose photo ends at row 180 of the face's frame, with its mouth at `mouth`."""

    def __init__(self, mouth):
        super().__init__([(0, 460)], [0.1, 0.1, 0.9])
        self.mouth = mouth

    async def detect(self, thumb):
        faces = await super().detect(thumb)
        self.shifts = [(0, 0)]  # in the photo itself
        return faces

    async def landmarks(self, face):
        points = await super().landmarks(face)
        points[48:, 1] = self.mouth
        return points

    async def swap(self, painted, hole, reference):
        self.corners = reference.corners
        return await super().swap(painted, hole, reference)


def test_a_reference_whose_mouth_is_cut_off_is_refused():
    with pytest.raises(ReferencePhotoError, match="cuts the face off"):
        run(unmask(grey_photo(), Cut(178), Options(), reference=grey_photo()))


def test_a_reference_whose_chin_is_cut_off_says_how_much_it_shows():
    stages = Cut(165)

    run(unmask(grey_photo(), stages, Options(), reference=grey_photo()))

    expected = [(-0.5, -460.5), (639.5, -460.5), (-0.5, 179.5)]
    np.testing.assert_allclose(stages.corners, expected, atol=0.2)


def test_the_faces_of_a_reference_are_looked_at_within_the_same_bounds():
    class Slow(FakeStages):
        inside = most = 0

        async def find_mask(self, face):
            self.inside += 1
            self.most = max(self.most, self.inside)
            await asyncio.sleep(0.01)
            self.inside -= 1
            return await super().find_mask(face)

    stages, options = Slow([(0, 0)] * 4, [0.1] * 4), Options(at_once=1)

    with pytest.raises(ReferencePhotoError, match="4 faces"):
        run(unmask(grey_photo(), stages, options, reference=grey_photo()))
    assert stages.most == 1


class Watching(FakeStages):
    """One face; keeps the reference that is swapped in."""

    def __init__(self):
        super().__init__([(100, 100)], [0.1, 0.9])

    async def swap(self, painted, hole, reference):
        self.reference = reference
        return await super().swap(painted, hole, reference)


@pytest.mark.parametrize(
    ("own", "of_photo", "seen"),
    [
        (display_p3(), None, (177, 90, 90)),
        (None, display_p3(), (156, 98, 94)),
        (None, None, (166, 95, 92)),
        (display_p3(), display_p3(), (166, 95, 92)),
    ],
)
def test_a_reference_is_swapped_in_in_the_colours_of_the_photo(own, of_photo, seen):
    lips = Photo(np.full((640, 640, 3), (166, 95, 92), np.uint8), own, "jpeg")
    photo, stages = Photo(grey_photo().pixels, of_photo, "jpeg"), Watching()

    run(unmask(photo, stages, Options(), reference=lips))

    assert np.abs(stages.reference.face.astype(int) - seen).max() <= 1
    assert (lips.pixels == (166, 95, 92)).all()
