import numpy as np
import pytest
import torch

from models.checkpoint import save_net
from models.errors import WeightsError
from models.training.evaluation.residual import Judge
from models.training.judge.net import JudgeConfig, JudgeNet

STRAIGHT = np.array([[1, 0, 0], [0, 1, 0]], np.float32)


@pytest.fixture
def judge(tmp_path):
    """Sees a mask in every cell of every picture."""
    net = JudgeNet(JudgeConfig(widths=(4, 8, 8, 8)))
    with torch.no_grad():
        net.cells.weight.zero_()
        net.cells.bias.fill_(1)
        net.seen.weight.zero_()
        net.seen.bias.fill_(2)
    save_net(tmp_path / "judge.safetensors", net, net.config)
    return Judge(tmp_path / "judge.safetensors")


def test_a_sight_has_its_probability_and_shows_the_cells(judge):
    picture = np.zeros((300, 280, 3), np.uint8)

    sight = judge.look(picture, STRAIGHT)

    assert sight.probability == pytest.approx(torch.sigmoid(torch.tensor(2.0)).item(), abs=1e-3)
    assert sight.tinted.shape == (256, 256, 3)
    assert sight.tinted.any()  # every cell is tinted


def test_weights_of_another_net_are_refused(tmp_path):
    (tmp_path / "judge.safetensors").write_bytes(b"no weights")

    with pytest.raises(WeightsError):
        Judge(tmp_path / "judge.safetensors")
