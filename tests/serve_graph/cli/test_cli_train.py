import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PilImage

OWN = Path(__file__).parents[3] / "configs" / "train" / "own" / "mask.yaml"

pytestmark = pytest.mark.usefixtures("seeing")


def test_train_refuses_an_unknown_net(command, tmp_path):
    result = command("train", "nose", tmp_path)

    assert result.exit_code == 2
    assert "none of crop, mask, landmarks, inpaint" in result.stderr


@pytest.mark.parametrize(
    ("content", "code", "words"),
    [
        (
            "seed: 1\ncolour: red\n",
            2,
            "mask.yaml: the training config of mask has no key ['colour']",
        ),
        ("seed: 1", 2, "mask.yaml: the training config of mask needs device, sources, schedule"),
        ("seed: [", 2, "mask.yaml: while parsing"),
        (None, 2, "mask.yaml' does not exist"),
        (OWN.read_text(), 1, "faces has neither mine.zip nor mine/"),
    ],
)
def test_train_says_in_a_line_what_is_wrong(command, tmp_path, content, code, words):
    recipe = tmp_path / "mask.yaml"
    if content is not None:
        recipe.write_text(content)
    (tmp_path / "faces").mkdir()
    asked = ("mask", tmp_path / "faces", "--config", recipe, "--run", tmp_path / "run")

    result = command("train", *asked)

    assert result.exit_code == code
    (line,) = result.stderr.splitlines()
    assert words in line
    assert code == 1 or ". See `" in line


@pytest.fixture
def folder(photo, tmp_path):
    """An evaluation folder with one picture."""
    root = tmp_path / "eval"
    for kind, path in (("truth", photo("bare.png", masked=False)), ("masked", photo())):
        (root / kind).mkdir(parents=True)
        shutil.copy(path, root / kind / "1.png")
    mask = np.zeros((280, 300), np.uint8)
    mask[120:210, 70:190] = 255
    (root / "mask").mkdir()
    PilImage.fromarray(mask).save(root / "mask" / "1.png")
    (root / "index.csv").write_text("id,source,mask_kind\n1,here,cloth\n")
    return root


def test_evaluate_prints_and_writes_the_report(command, folder, tmp_path):
    result = command("evaluate", folder, "-o", tmp_path / "out", "--no-baselines")

    assert result.exit_code == 0, result.stderr
    assert "| found mask |" in result.stdout
    assert json.loads((tmp_path / "out" / "report.json").read_text())["weights"] == "tiny"


@pytest.mark.parametrize("out", [".", "mask", "truth/new"])
def test_evaluate_never_writes_among_the_pictures_that_it_reads(command, folder, out):
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}

    result = command("evaluate", folder, "-o", folder / out, "--no-baselines")

    assert result.exit_code == 2
    assert "choose another folder" in result.stderr
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_evaluate_says_what_is_missing_in_the_folder(command, tmp_path):
    result = command("evaluate", tmp_path, "-o", tmp_path / "out")

    assert result.exit_code == 1
    assert "index.csv is missing" in result.stderr


def test_verdicts_without_scenes_are_refused(command, tmp_path):
    (tmp_path / "verdicts.csv").write_text("photo\n")

    result = command(
        "evaluate", tmp_path, "-o", tmp_path / "out", "--verdicts", tmp_path / "verdicts.csv"
    )

    assert result.exit_code == 2
    assert "--scenes" in result.stderr


def test_evaluate_refuses_a_gpu_that_is_not_there(command, folder, tmp_path, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)

    result = command("evaluate", folder, "-o", tmp_path / "out", "--device", "cuda")

    assert result.exit_code == 2
    assert "use --device cpu" in result.stderr


def test_evaluate_loads_the_nets_onto_the_device(command, folder, tmp_path, monkeypatch):
    asked = []

    def load(*words):
        asked.extend(words[1:])
        raise OSError("enough seen")

    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("models.training.evaluation.evaluate.load_models", load)
    command("evaluate", folder, "-o", tmp_path / "out", "--device", "cuda")

    assert asked == ["cuda"]
