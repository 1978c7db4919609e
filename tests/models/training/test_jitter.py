import numpy as np

from models.crop.frame import FRAME_PX, fit_frame, five_points
from models.training.jitter import cut, jittered_frame
from tests.conftest import mean_face


def test_without_jitter_the_frame_is_the_canonical_one(landmarks):
    frame = jittered_frame(landmarks, np.random.default_rng(0), amount=0)

    np.testing.assert_allclose(frame, fit_frame(five_points(landmarks)), atol=1e-4)


def test_jitter_moves_the_frame_a_little(landmarks):
    frames = [jittered_frame(landmarks, np.random.default_rng(seed)) for seed in range(50)]

    corner = np.stack([frame @ (128, 128, 1) for frame in frames])
    assert 1 < corner.std(axis=0).min() < corner.std(axis=0).max() < 15


def test_a_mirrored_cut_has_left_and_right_exchanged(landmarks, picture):
    plain, points = cut(picture, landmarks, jittered_frame(landmarks, np.random.default_rng(0), 0))
    frame = jittered_frame(landmarks, np.random.default_rng(0), 0, flip=True)
    mirrored, mirrored_points = cut(picture, landmarks, frame)

    assert np.abs(mirrored[:, ::-1].astype(int) - plain).mean() < 2
    np.testing.assert_allclose(mirrored_points[36:42].mean(0), (FRAME_PX - 1 - 168, 86), atol=0.5)
    np.testing.assert_allclose(mirrored_points[48, 0], FRAME_PX - 1 - points[54, 0], atol=0.5)


def test_the_points_of_a_face_alike_on_both_sides_keep_their_order_when_mirrored(picture):
    points = mean_face()
    middle = points[27, 0]
    mirror = np.array([[-1, 0, 2 * middle], [0, 1, 0]], np.float32)

    _, mirrored = cut(picture, points, mirror)

    np.testing.assert_allclose(mirrored, points, atol=1e-3)
