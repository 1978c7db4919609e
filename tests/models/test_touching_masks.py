"""Where the masks of two faces touch, no line of their colour stays between the faces."""

import cv2
import numpy as np
import pytest

from models.crop.detect import THUMB_PX, Face
from models.inpaint.paint import Painted
from models.mask.detect import MaskFinding
from models.photo.decode import Photo
from models.pipeline import Options, unmask
from tests.conftest import CANONICAL
from tests.models.fakes import FakeStages, run

SKIN, MASK = (200, 150, 120), (70, 120, 230)
MOUTH = np.float32([128, 150])
PHOTO_PX = 800


class Couple(FakeStages):
    """Two faces; takes blue for a mask, and paints skin there."""

    def __init__(self, faces, photo_px):
        super().__init__([], photo_px=max(THUMB_PX, photo_px))  # small photos aren't enlarged
        self.faces = faces

    async def detect(self, thumb):
        return [self._face(*face) for face in self.faces]

    def _face(self, mouth, size, turn_deg):
        turn = cv2.getRotationMatrix2D((0, 0), turn_deg, size)[:, :2]
        points = (((CANONICAL - MOUTH) @ turn.T + mouth) * self.scale).astype(np.float32)
        box = np.concatenate([points.min(axis=0), points.max(axis=0)])
        return Face(box, 0.9, points)

    async def find_mask(self, face):
        return MaskFinding(face[..., 2].astype(int) > face[..., 0], 0.99)

    async def paint(self, face, hole, wish):
        skin = np.where(hole[..., None], SKIN, face).astype(np.uint8)
        return [Painted(skin, np.zeros((68, 2)))] * wish.candidates

    async def swap(self, painted, hole, reference):
        return painted.face


def photo_of(faces, photo_px):
    """Skin with a blue mask around each mouth."""
    pixels = np.full((photo_px, photo_px, 3), SKIN, np.uint8)
    for mouth, size, turn_deg in faces:
        axes = (round(70 * size), round(50 * size))
        cv2.ellipse(pixels, [round(x) for x in mouth], axes, -turn_deg, 0, 360, MASK, -1)
    return Photo(pixels, None, "png")


@pytest.mark.parametrize("times", [0.3, 1.0, 2.6])
@pytest.mark.parametrize(("turns_deg", "larger"), [((0, 0), 1.0), ((12, -17), 1.5)])
@pytest.mark.parametrize("apart", [1.0, 0.8])
def test_nothing_of_masks_that_touch_stays_between_the_faces(times, turns_deg, larger, apart):
    distance = 70 * (1 + larger) * apart
    mouths = (300.4, 400.2), (300.4 + distance, 410.7)
    faces = [
        (np.float32(mouth) * times, size * times, turn)
        for mouth, size, turn in zip(mouths, (1, larger), turns_deg, strict=True)
    ]
    photo_px = round(PHOTO_PX * times)
    photo = photo_of(faces, photo_px)

    result = run(unmask(photo, Couple(faces, photo_px), Options()))

    # A line of mask differs by 39 or more; small photos overshoot by 4 at the mask's rim.
    assert np.abs(result.painted.astype(int) - SKIN).max() <= 5


class SeesItsOwn(Couple):
    """Finds no part of the neighbour's mask."""

    async def find_mask(self, face):
        found = await super().find_mask(face)
        found.mask[:, :54] = found.mask[:, 202:] = False
        return found


def test_where_the_photo_cuts_two_masks_neither_gets_the_others_colour():
    faces = [((300.4, 400.2), 1, 0), ((456.4, 400.2), 1, 0)]
    photo = Photo(photo_of(faces, PHOTO_PX).pixels[:421].copy(), None, "png")

    result = run(unmask(photo, SeesItsOwn(faces, PHOTO_PX), Options()))

    assert np.abs(result.painted.astype(int) - SKIN).max() <= 5
