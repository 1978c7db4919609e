from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from models.checkpoint import save_net
from models.training.evaluation.evaluate import Evaluation, evaluate
from models.training.judge.net import JudgeConfig, JudgeNet
from models.training.pictures import write_image, write_mask
from tests.conftest import let_see
from tests.models.training.evaluation.photos import covered, face, faceless, points


@pytest.fixture
def judge(tmp_path):
    net = JudgeNet(JudgeConfig(widths=(4, 8, 8, 8)))
    save_net(tmp_path / "judge.safetensors", net, net.config)
    return tmp_path / "judge.safetensors"


def write_folder(root):
    """Three pairs, the last without a detectable face; one real mask; one person to swap."""
    for name in "123":
        masked = faceless(face(masked=True)) if name == "3" else face(masked=True)
        write_image(root / "truth" / f"{name}.png", face())
        write_image(root / "masked" / f"{name}.png", masked)
        write_mask(root / "mask" / f"{name}.png", covered())
    (root / "index.csv").write_text("id,source,mask_kind\n1,a,cloth\n2,b,cloth\n3,b,cup\n")
    np.savez(root / "landmarks.npz", name=["1", "2", "3"], landmarks=[points()] * 3)
    write_image(root / "real" / "photo" / "1.png", face(masked=True))
    write_mask(root / "real" / "mask" / "1.png", covered())
    (root / "real" / "index.csv").write_text("id,kind\n1,cloth\n")
    for kind in ("truth", "masked", "reference"):
        write_image(root / "swap" / kind / "1.png", face(masked=kind == "masked"))
    write_mask(root / "swap" / "mask" / "1.png", covered())
    (root / "swap" / "index.csv").write_text("id\n1\n")
    return root


def run_evaluate(folder, weights, out, baselines=False, **options):
    return evaluate(
        folder, weights, out, progress=lambda items, _: items, baselines=baselines, **options
    )


@pytest.fixture
def folder(tmp_path):
    """See `write_folder`."""
    return write_folder(tmp_path / "eval")


@pytest.fixture
def score(folder, tiny_weights, tmp_path):
    """Evaluates the folder, with any options."""
    return partial(run_evaluate, folder, tiny_weights, tmp_path / "out")


@dataclass(frozen=True)
class Scored:
    """An evaluation, its folder and what it wrote."""

    result: Evaluation
    folder: Path
    out: Path


@pytest.fixture(scope="module")
def scored(tiny_weights, tmp_path_factory):
    """The folder's evaluation without options, for tests that only look at it."""
    root = tmp_path_factory.mktemp("scored")
    with pytest.MonkeyPatch.context() as patch:
        let_see(patch)
        folder = write_folder(root / "eval")
        return Scored(run_evaluate(folder, tiny_weights, root / "out"), folder, root / "out")
