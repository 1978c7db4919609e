from pathlib import Path

import cv2
import numpy as np

from models.training.crop.labels import Picture
from models.training.mask.backgrounds import draw_background


def scene(pixels, boxes):
    data = cv2.imencode(".png", pixels)[1].tobytes()
    count = len(boxes)
    return Picture(
        "a",
        Path("a.png"),
        data,
        np.array(boxes, np.float32).reshape(count, 4),
        np.zeros((count, 5, 2), np.float32),
        np.zeros((count, 5), np.float32),
    )


def test_a_background_shows_nothing_of_a_labelled_face():
    pixels = np.zeros((200, 200, 3), np.uint8)
    pixels[50:120, 60:130] = 255
    rng = np.random.default_rng(0)

    squares = [draw_background([scene(pixels, [(60, 50, 130, 120)])], rng) for _ in range(30)]

    assert all(square.shape == (256, 256, 3) for square in squares)
    # 128: no square was found.
    assert {square.max() for square in squares} in ({0}, {0, 128})


def test_a_photo_full_of_face_gives_plain_grey():
    full = scene(np.full((100, 100, 3), 255, np.uint8), [(0, 0, 100, 100)])

    assert (draw_background([full], np.random.default_rng(0)) == 128).all()


def test_squares_vary():
    pixels = np.random.default_rng(0).integers(0, 256, (200, 200, 3), dtype=np.uint8)
    rng = np.random.default_rng(1)
    photo = scene(pixels, np.zeros((0, 4)))

    assert not np.array_equal(draw_background([photo], rng), draw_background([photo], rng))
