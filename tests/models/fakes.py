"""Stages that need no nets, and photos for them."""

import asyncio

import numpy as np

from models.crop.detect import THUMB_PX, Face
from models.inpaint.paint import Painted
from models.mask.detect import MaskFinding
from models.photo.decode import Photo
from tests.conftest import CANONICAL

RED, GREEN = (255, 0, 0), (0, 255, 0)


class FakeStages:
    """Finds faces at given shifts of the canonical frame; paints red, swaps green."""

    def __init__(self, shifts, probabilities=None, photo_px=640):
        self.shifts, self.calls = shifts, []
        self.probabilities = probabilities or [0.9] * len(shifts)
        self.scale = THUMB_PX / photo_px

    async def detect(self, thumb):
        self.calls.append("detect")
        faces = []
        for number, shift in enumerate(self.shifts):
            points = (CANONICAL + shift).astype(np.float32) * self.scale
            box = np.concatenate([points.min(0) - 20, points.max(0) + 20 + 10 * number])
            faces.append(Face(box.astype(np.float32), 0.9 - number / 100, points))
        return faces

    async def find_mask(self, face):
        self.calls.append("mask")
        mask = np.zeros((256, 256), bool)
        mask[130:200, 80:180] = True
        return MaskFinding(mask, self.probabilities[self.calls.count("mask") - 1])

    async def paint(self, face, hole, wish):
        self.calls.append("paint")
        shades = [(255 - 50 * rank, 0, 0) for rank in range(wish.candidates)]
        faces = [np.where(hole[..., None], shade, face).astype(np.uint8) for shade in shades]
        return [Painted(face, np.zeros((68, 2))) for face in faces]

    async def landmarks(self, face):
        self.calls.append("landmarks")
        return np.full((68, 2), 128, np.float32)

    async def swap(self, painted, hole, reference):
        self.calls.append("swap")
        return np.where(hole[..., None], GREEN, painted.face).astype(np.uint8)


def grey_photo(side=640):
    return Photo(np.full((side, side, 3), 128, np.uint8), None, "png")


def run(work):
    return asyncio.run(work)


def drawn_mask(*boxes, shape=(640, 640)):
    mask = np.zeros(shape, bool)
    for x0, y0, x1, y1 in boxes:
        mask[y0:y1, x0:x1] = True
    return mask
