"""What `paste_face` does to a patch before pasting it."""

import cv2
import numpy as np

from models.crop.frame import crop_face, mask_to_photo
from models.paste.paste import paste_face
from tests.models.paste.test_grain import GREY, grainy_photo, plain_face
from tests.models.paste.test_paste import ellipse, frame_at, step_at_edge
from tests.models.paste.test_tone import chroma, filled, grey, mask, scene


def core():
    return cv2.erode(ellipse().astype(np.uint8), np.ones((31, 31), np.uint8)).astype(bool)


def test_a_patch_takes_the_tone_of_a_grey_photo():
    photo, affine = grey(scene()), np.eye(2, 3, dtype=np.float32)

    paste_face(photo, filled(photo, mask()), mask(), affine)

    assert chroma(photo).max() <= 3


def test_the_step_at_a_patchs_edge_is_evened_out():
    photo, affine = np.full((400, 400, 3), 150, np.uint8), frame_at(60, 60, 256)
    patch = crop_face(photo, affine)
    patch[ellipse()] += 9

    paste_face(photo, patch, ellipse(), affine)

    assert step_at_edge(crop_face(photo, affine), ellipse()) < 0.5 * step_at_edge(patch, ellipse())


def test_a_plain_patch_gets_the_grain_of_a_finer_photo():
    photo, affine = grainy_photo(16), frame_at(50, 50, 800)

    paste_face(photo, plain_face(256), ellipse(), affine)

    inside = photo[mask_to_photo(core(), affine, photo.shape[:2])]
    assert inside.std() > 1
    assert abs(inside.mean() - GREY) < 1
