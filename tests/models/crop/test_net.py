import pytest
import torch

from models.checkpoint import load_net, save_net
from models.crop.net import STRIDES, DetectorConfig, FaceDetector, cell_centres

TINY = DetectorConfig(width=0.1, coarsest=8, necks=(4, 4, 8, 8))


@pytest.mark.parametrize(("height", "width"), [(64, 64), (128, 192)])
def test_every_cell_of_every_stride_proposes_one_face(height, width):
    found = FaceDetector(TINY).eval()(torch.zeros(2, 3, height, width))

    cells = sum((height // stride) * (width // stride) for stride in STRIDES)
    assert found.logits.shape == (2, cells)
    assert found.boxes.shape == (2, cells, 4)
    assert found.points.shape == (2, cells, 5, 2)


def test_cell_centres_count_pixel_centres_from_zero():
    centres = cell_centres(16, 24, 8, torch.device("cpu"))

    assert centres.tolist() == [[x, y] for y in (3.5, 11.5) for x in (3.5, 11.5, 19.5)]


def test_boxes_never_turn_inside_out():
    found = FaceDetector(TINY).eval()(torch.randn(1, 3, 128, 128) * 5)

    assert (found.boxes[..., 2:] > found.boxes[..., :2]).all()


def test_a_new_net_expects_almost_no_faces():
    found = FaceDetector(TINY).eval()(torch.zeros(1, 3, 64, 64))

    assert found.logits.sigmoid().max() < 0.05


def test_the_saved_net_answers_as_before(tmp_path):
    net = FaceDetector(TINY).eval()
    save_net(tmp_path / "net.safetensors", net, TINY)
    again = load_net(tmp_path / "net.safetensors", FaceDetector, DetectorConfig)

    photo = torch.randn(1, 3, 64, 64)
    for old, new in zip(net(photo), again(photo), strict=True):
        torch.testing.assert_close(old, new, atol=0.2, rtol=1e-2)


def test_the_weights_stay_under_six_megabytes():
    state = FaceDetector(DetectorConfig()).state_dict()

    assert sum(2 * part.numel() for part in state.values()) < 6e6  # stored as float16
