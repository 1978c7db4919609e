import numpy as np
import pytest
import torch

from models.landmarks.draw import draw_lines
from models.landmarks.net import LandmarkConfig, LandmarkNet
from models.landmarks.predict import predict_landmarks

SIZE = 256


@pytest.fixture
def net():
    torch.manual_seed(0)
    net = LandmarkNet(LandmarkConfig(widths=(4, 8), blocks=(1, 1), features=8)).eval()
    net.mean_face.fill_(128)
    return net


def test_each_face_gets_68_points(net):
    faces = [np.zeros((SIZE, SIZE, 3), np.uint8)] * 2
    masks = [np.zeros((SIZE, SIZE), bool)] * 2

    points = predict_landmarks(net, faces, masks)

    assert [p.shape for p in points] == [(68, 2), (68, 2)]
    assert points[0].dtype == np.float32


def test_what_is_under_the_mask_cannot_change_the_guess(net):
    rng = np.random.default_rng(0)
    face = rng.integers(0, 256, (SIZE, SIZE, 3), dtype=np.uint8)
    mask = np.zeros((SIZE, SIZE), bool)
    mask[120:220, 60:200] = True
    other = face.copy()
    other[mask] = 255 - other[mask]

    one, two = predict_landmarks(net, [face, other], [mask, mask])

    np.testing.assert_allclose(one, two, atol=1e-4)


def test_the_net_takes_the_half_size_too(net):
    face, mask = torch.rand(1, 3, SIZE, SIZE), torch.zeros(1, 1, SIZE, SIZE)
    half = torch.nn.functional.avg_pool2d(face, 2)

    torch.testing.assert_close(net(half, mask[..., ::2, ::2]), net(face, mask))


def test_lines_appear_inside_the_hole_only():
    landmarks = np.full((68, 2), 10, np.float32)
    landmarks[:17] = np.stack([np.linspace(20, 230, 17), np.full(17, 200)], axis=1)
    hole = np.zeros((SIZE, SIZE), bool)
    hole[150:, 100:] = True

    lines = draw_lines(landmarks, hole)

    assert (lines[200, 105:225] > 100).all()
    assert not lines[~hole].any()


def test_points_far_outside_are_no_error():
    landmarks = np.full((68, 2), 1e9, np.float32)

    assert not draw_lines(landmarks, np.ones((SIZE, SIZE), bool)).any()
