import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image as PilImage

from tests.models.training.stores import write_store
from tests.models.training.test_build import small
from tests.models.training.test_tasks import oval_face

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
def train(command, tmp_path):
    """`mask2face train inpaint` by a small recipe of one step."""
    points = np.repeat(oval_face()[None], 20, axis=0)
    (tmp_path / "faces" / "some").mkdir(parents=True)
    names = [str(row) for row in range(20)]
    np.savez(tmp_path / "faces" / "some" / "labels.npz", name=names, landmarks=points)
    write_store(tmp_path / "faces", "some", points)
    (tmp_path / "faces" / "cache").rename(tmp_path / "cache")  # where the runs are
    recipe = small(schedule={"steps": 1, "learning_rate": 0.001, "threads": 1})
    recipe["task"]["guided"] = False
    (tmp_path / "small.yaml").write_text(yaml.safe_dump(recipe))
    asked = ("train", "inpaint", tmp_path / "faces", "--run", tmp_path / "run")
    return lambda *more: command(*asked, "--config", tmp_path / "small.yaml", *more)


def test_a_value_set_for_a_run_is_recorded_and_a_resume_must_have_it(train, tmp_path):
    begun = train("--set", "task.batch_size=3", "--set", "seed=5", "--device", "cpu")
    without = train("--set", "seed=5")
    record = yaml.safe_load((tmp_path / "run" / "config.yaml").read_text())
    longer = train("--set", "task.batch_size=3", "--set", "seed=5", "--set", "schedule.steps=2")

    assert begun.exit_code == 0, begun.stderr
    assert (record["seed"], record["device"]) == (5, "cpu")
    assert record["task"] == {"batch_size": 3, "guided": False, "size": 32}
    assert without.exit_code == 2
    assert "begun with another config or other faces (see task in" in without.stderr
    assert longer.exit_code == 0, longer.stderr
    assert "finished at step 2 of 2" in longer.stdout


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("schedule.stepps=2", "small.yaml with --set schedule.stepps=2: the training config of"),
        ("schedule.stepps=2", "has no key ['stepps']"),
        ("task.batch_size=many", "batch_size is 'many': it must be a whole number"),
        ("task.batch_size", "write KEY=VALUE"),
        ("only=[", "while parsing"),
    ],
)
def test_a_mistake_in_a_value_that_is_set_is_told_in_a_line(train, tmp_path, words, told):
    result = train("--set", words)

    assert result.exit_code == 2
    (line,) = result.stderr.splitlines()
    assert told in line
    assert not (tmp_path / "run").exists()


def test_train_refuses_a_gpu_that_is_not_there(train, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)

    result = train("--device", "cuda")

    assert result.exit_code == 2
    assert "use --device cpu" in result.stderr


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
