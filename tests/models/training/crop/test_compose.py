import dataclasses
from pathlib import Path

import cv2
import numpy as np
import pytest

from models.training.crop import compose
from models.training.crop.compose import Pool, compose_canvas
from models.training.crop.labels import Picture

RED = (255, 0, 0)


def disc_picture(landmarks=None):
    """A grey picture with a red disc as its 'face', eyes left and right of its centre."""
    image = np.full((120, 160, 3), 128, np.uint8)
    cv2.circle(image, (80, 60), 30, RED, -1)
    data = cv2.imencode(".png", image[..., ::-1])[1].tobytes()
    box = np.array([[50, 30, 110, 90]], np.float32)
    points = np.array([[[65, 50], [95, 50], [80, 60], [68, 75], [92, 75]]], np.float32)
    trust = np.ones((1, 5), np.float32)
    return Picture("disc", Path("disc.png"), data, box, points, trust, landmarks)


@pytest.fixture(scope="module")
def canvases():
    pool = Pool([disc_picture()], [[disc_picture()]], [1.0])
    return [compose_canvas(pool, 192, np.random.default_rng(seed)) for seed in range(60)]


def red_box(canvas):
    image = canvas.image.astype(int)
    red = (image[..., 0] > 200) & (image[..., 1] < 60) & (image[..., 2] < 60)
    y, x = np.nonzero(red)
    return np.array([x.min(), y.min(), x.max(), y.max()])


def alone(canvases):
    """Canvases with one large face that lies entirely inside."""
    for canvas in canvases:
        if len(canvas.boxes) == 1 and canvas.counts[0]:
            box = canvas.boxes[0]
            if box.min() > 2 and box.max() < 189 and (box[2:] - box[:2]).min() > 30:
                yield canvas


def test_boxes_lie_where_the_faces_were_drawn(canvases):
    checked = 0
    for canvas in alone(canvases):
        if (np.abs(red_box(canvas) - canvas.boxes[0]) < 4).all():
            checked += 1
    assert checked >= 0.8 * len(list(alone(canvases))) > 0


def test_eyes_stay_left_and_right_in_mirrored_faces(canvases):
    for canvas in alone(canvases):
        left, right = canvas.points[0, 0], canvas.points[0, 1]
        assert left[0] < right[0]


def test_scenes_are_also_aimed_at_what_was_taken_for_a_face():
    image = np.full((480, 640, 3), 128, np.uint8)
    cv2.rectangle(image, (600, 440), (640, 480), (0, 0, 255), -1)
    data = cv2.imencode(".png", image)[1].tobytes()
    face = dataclasses.replace(disc_picture(), data=data, boxes=np.array([[20, 20, 60, 60]], "f4"))
    decoy = np.array([[600, 440, 640, 480]], np.float32)

    def red_canvases(scene):
        pool = Pool([scene], [[disc_picture()]], [1.0])
        canvases = [compose_canvas(pool, 192, np.random.default_rng(s)) for s in range(80)]
        return sum(
            (c.image[..., 0].astype(int) - c.image[..., 1] > 100).sum() > 300 and not len(c.boxes)
            for c in canvases
        )

    assert red_canvases(dataclasses.replace(face, decoys=decoy)) > 5 + red_canvases(face)


def test_faces_that_are_too_small_are_neither_face_nor_background():
    scene = disc_picture()
    speck = np.array([[120, 10, 123, 13]], np.float32)
    crowd = Picture(
        "crowd",
        scene.file,
        scene.data,
        np.concatenate([scene.boxes, speck]),
        np.repeat(scene.points, 2, axis=0),
        np.repeat(scene.trust, 2, axis=0),
    )
    pool = Pool([crowd], [[scene]], [1.0])
    canvases = [compose_canvas(pool, 128, np.random.default_rng(seed)) for seed in range(20)]

    sides = np.concatenate([np.sqrt((c.boxes[:, 2:] - c.boxes[:, :2]).prod(1)) for c in canvases])
    counts = np.concatenate([c.counts for c in canvases])
    assert (sides < 10).any()
    assert not counts[sides < 10].any()
    assert counts[sides > 30].any()


def test_boxes_stay_on_the_canvas(canvases):
    for canvas in canvases:
        assert canvas.boxes.min(initial=0) >= 0
        assert canvas.boxes.max(initial=0) <= 192


def test_faces_fit_into_the_lower_side_of_their_tile(monkeypatch):
    low = [(0, 0, 192, 96), (0, 96, 192, 192)]
    monkeypatch.setattr("models.training.crop.compose._tiles", lambda *_: low)
    monkeypatch.setattr("models.training.crop.compose._face", compose._scene)
    pool = Pool([disc_picture()], [[disc_picture()]], [1.0])
    canvases = [compose_canvas(pool, 192, np.random.default_rng(seed)) for seed in range(200)]

    eyes = np.concatenate([c.points[:, 1] - c.points[:, 0] for c in canvases if len(c.boxes) > 1])
    sides = 2 * np.linalg.norm(eyes, axis=1)  # a face is twice as wide as its eyes are apart
    assert 60 < sides.max() < 96


def test_faces_come_in_many_sizes(canvases):
    sides = [(b[2] - b[0]) for c in canvases for b in c.boxes[c.counts]]

    assert min(sides) < 20
    assert max(sides) > 120


def test_the_same_seed_composes_the_same_canvas():
    pool = Pool([disc_picture()], [[disc_picture()]], [1.0])
    first, again = (compose_canvas(pool, 128, np.random.default_rng(5)) for _ in range(2))

    np.testing.assert_array_equal(first.image, again.image)
    np.testing.assert_array_equal(first.boxes, again.boxes)


def test_a_face_that_nobody_labelled_is_neither_face_nor_background():
    scene = dataclasses.replace(disc_picture(), others=np.array([[5, 5, 45, 45]], np.float32))
    pool = Pool([scene], [[scene]], [1.0])

    canvases = [compose_canvas(pool, 192, np.random.default_rng(seed)) for seed in range(40)]

    both = [canvas for canvas in canvases if len(canvas.boxes) == 2]
    assert both
    assert all((~canvas.counts).any() for canvas in both)
    assert all(len(c.points) == len(c.trust) == len(c.boxes) for c in canvases)
    assert not any(canvas.trust[~canvas.counts].any() for canvas in both if canvas.counts.any())
