import numpy as np
import pytest
import torch

from models.checkpoint import load_net, save_net
from models.errors import WeightsError
from models.landmarks.guess import AS_GUESSED, Wish, guess_landmarks, put_shape, shape_of
from models.landmarks.net import LandmarkConfig, LandmarkNet
from models.landmarks.predict import landmarks_of_shown

FACES = [np.zeros((256, 256, 3), np.uint8)] * 2
HOLE = np.zeros((256, 256), bool)
HOLE[120:250, 40:216] = True


@pytest.fixture
def net(model):
    torch.manual_seed(0)
    net = LandmarkNet(LandmarkConfig(widths=(4, 8), blocks=(1, 1), features=8)).eval()
    net.mean_face.copy_(torch.from_numpy(model.mean))
    for parameter in net.head[-1].parameters():
        parameter.data.mul_(0.01)  # close to the mean face, as with a trained net
    put_shape(net, model)
    return net


def test_a_plain_wish_is_the_nets_own_answer(net):
    guesses = guess_landmarks(net, FACES, [HOLE] * 2, [AS_GUESSED] * 2)

    plain = landmarks_of_shown(net, FACES, [HOLE] * 2)
    np.testing.assert_array_equal(np.stack(guesses)[:, 0], np.stack(plain))


def test_each_face_gets_as_many_candidates_as_it_wished(net):
    guesses = guess_landmarks(net, FACES, [HOLE] * 2, [Wish(candidates=3), Wish("smile")])

    assert [len(candidates) for candidates in guesses] == [3, 1]
    assert {points.dtype for points in guesses[0]} == {np.dtype(np.float32)}


def test_a_smile_moves_hidden_points_only(net):
    [[plain], [smiling]] = guess_landmarks(net, FACES, [HOLE] * 2, [AS_GUESSED, Wish("smile")])

    assert smiling[48, 0] < plain[48, 0] - 2
    assert smiling[54, 0] > plain[54, 0] + 2
    np.testing.assert_allclose(smiling[17:48], plain[17:48], atol=1e-4)


def test_the_model_of_faces_survives_its_file(net, model, tmp_path):
    save_net(tmp_path / "net.safetensors", net, net.config)

    loaded = shape_of(load_net(tmp_path / "net.safetensors", LandmarkNet, LandmarkConfig))

    for name, values in vars(model).items():
        np.testing.assert_allclose(getattr(loaded, name), values, rtol=1e-3, atol=1e-6)


def test_a_file_without_a_model_of_faces_is_refused(net, tmp_path):
    del net.shape_moves
    save_net(tmp_path / "old.safetensors", net, net.config)

    with pytest.raises(WeightsError, match="shape_moves"):
        load_net(tmp_path / "old.safetensors", LandmarkNet, LandmarkConfig)
