"""The test photo: the NASA portrait of Eileen Collins (public domain, inside scikit-image).

Head and shoulders only: the detector may take a patch on her suit for a face, and tests that
count calls need exactly one face.
"""

import cv2
import numpy as np
from skimage.data import astronaut

from models.pixels import Image, Landmarks
from models.training.drawing import Worn, wear_mask

# fmt: off
LANDMARKS: Landmarks = np.array([  # (x, y) px, iBUG order
    (178, 102), (177, 111), (177, 120), (178, 130), (182, 143), (189, 157), (196, 163),  # jaw
    (206, 172), (221, 177), (236, 174), (247, 165), (254, 159), (263, 145), (267, 135),
    (268, 125), (269, 115), (270, 107),
    (187, 92), (191, 88), (198, 87), (207, 88), (216, 90),  # brows
    (235, 91), (245, 90), (253, 89), (259, 92), (263, 95),
    (225, 101), (225, 111), (225, 116), (225, 127),  # nose
    (211, 130), (218, 133), (224, 134), (230, 133), (237, 131),
    (194, 101), (199, 99), (206, 98), (213, 103), (207, 104), (200, 103),  # eyes
    (237, 105), (244, 100), (251, 101), (256, 104), (249, 106), (242, 105),
    (201, 141), (211, 140), (217, 140), (223, 142), (230, 141), (236, 141),  # lips
    (245, 143), (235, 153), (229, 155), (223, 156), (216, 155), (211, 152),
    (204, 141), (218, 143), (223, 144), (229, 144), (242, 143), (228, 150), (223, 150), (218, 149),
], np.float32) - np.array((62, 0), np.float32)
# fmt: on
LEFT_PX, SIDE_PX = 62, 320


def bare_portrait() -> Image:
    """The portrait, uint8 (320, 320, 3)."""
    return np.ascontiguousarray(astronaut()[:SIDE_PX, LEFT_PX : LEFT_PX + SIDE_PX])


def masked_portrait() -> Worn:
    """The portrait with a surgical mask drawn on, and the mask's pixels."""
    rng = np.random.default_rng(1)
    return wear_mask(bare_portrait(), LANDMARKS, rng, "surgical_blue", independent_outline=False)


def crowd() -> Image:
    """Four masked people, uint8 (640, 640, 3)."""
    return np.tile(masked_portrait().image, (2, 2, 1))


def to_png(image: Image) -> bytes:
    """Encodes a picture as PNG."""
    return bytes(cv2.imencode(".png", image[..., ::-1])[1])


def to_jpeg(image: Image) -> bytes:
    """Encodes a picture as JPEG."""
    return bytes(cv2.imencode(".jpg", image[..., ::-1])[1])


def from_bytes(data: bytes) -> Image:
    """Decodes a picture."""
    return np.asarray(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)[..., ::-1])
