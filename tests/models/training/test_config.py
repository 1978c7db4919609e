from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from models.checkpoint import load_net, save_net
from models.crop.net import DetectorConfig, FaceDetector
from models.errors import WeightsError
from models.inpaint.generator import Generator, GeneratorConfig
from models.landmarks.net import LandmarkConfig, LandmarkNet
from models.mask.unet import UNet, UNetConfig
from models.training.config import NETS, build_task, schedule_of, train
from models.training.crop.task import CropTask
from models.training.frames import STORE_PX, store_path
from models.training.loop import Schedule
from models.training.record import WITH_OWN
from models.training.sources import NoSourceError, SourceError
from tests.models.training.test_tasks import oval_face

CONFIGS = Path(__file__).parents[3] / "configs" / "train"
NET_OF = {path.stem: path.stem for path in CONFIGS.glob("*.yaml")}
NET_OF |= {"crop_finish": "crop", "mask_finish": "mask", "inpaint_finish": "inpaint"}
NET_OF |= {"original": "inpaint"}
NET_OF |= {f"own/{net}": net for net in ("mask", "landmarks", "inpaint")}
del NET_OF["ablations"]
SCHEDULE = {"steps": 1, "learning_rate": 0.1}
COUNT = 60  # faces in the store; three are held back


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Weights of three nets, and a store of cut faces for each set of sources."""
    root = tmp_path_factory.mktemp("training")
    landmarks = np.repeat(oval_face()[None], COUNT, axis=0)
    names = [f"{'A' if row % 2 else 'C'}{row}" for row in range(COUNT)]
    for source in ("some", "worn", "masked", "mine"):
        (root / source).mkdir()
        np.savez(root / source / "labels.npz", name=names, landmarks=landmarks)
    for name in ("aaf", "scut", "utk", "omi"):
        (root / name).mkdir()
        own = [f"{row}_0_{row % 5}_9" for row in range(COUNT // 4)]  # as in UTKFace
        np.savez(root / name / "labels.npz", name=own, landmarks=landmarks[: COUNT // 4])
    (root / "scenes").mkdir()
    (root / "scenes" / "boxes.json").write_text("{}")
    images = np.zeros((COUNT, STORE_PX, STORE_PX, 3), np.uint8)
    for name in ("aaf+scut+utk+omi", "masked", "worn", "some", "mine"):
        kept = store_path(root, name.split("+"), root / "cache")
        kept.mkdir(parents=True)
        np.save(kept / "images.npy", images)
        np.savez(kept / "labels.npz", landmarks=landmarks, sources=[name] * COUNT)
    config = LandmarkConfig(widths=(4, 4, 8, 8), blocks=(1, 1, 1, 1), features=8)
    (root / "weights").mkdir()
    save_net(root / "weights" / "landmarks.safetensors", LandmarkNet(config), config)
    narrow = DetectorConfig(0.1, 8, (4, 4, 8, 8))
    save_net(root / "weights" / "crop.safetensors", FaceDetector(narrow), narrow)
    sizes = UNetConfig(width=4, depth=2)
    save_net(root / "weights" / "mask.safetensors", UNet(sizes), sizes)
    return root


def config_of(stem):
    return yaml.safe_load((CONFIGS / f"{stem}.yaml").read_text())


def build(net, config, data):
    return build_task(net, config, data, data / "cache", data / "weights")


def small(**values):
    return {
        "seed": 1,
        "device": "cpu",
        "sources": ["some"],
        "net": {"width": 8, "middle": 8, "deep": 8, "head": 8},
        "task": {"batch_size": 2, "size": 32},
        **values,
    }


@pytest.mark.parametrize("stem", sorted(NET_OF))
def test_each_config_that_ships_builds_its_task_and_schedule(stem, data, monkeypatch):
    monkeypatch.setattr(CropTask, "__init__", lambda *_: None)  # it reads pictures of people
    monkeypatch.chdir(CONFIGS.parents[1])  # the configs' paths are relative to the project
    config = config_of(stem)
    if "faces" in config:
        config["faces"] = 40

    task = build(NET_OF[stem], config, data)

    assert NET_OF[stem] in NETS
    assert schedule_of(config["schedule"], task).steps > 0


@pytest.mark.parametrize(
    ("net", "config", "file", "key"),
    [
        ("crop", {"task": {"unlabelled_score": 0.4}}, "crop", "unlabelled_score: 0"),
        ("mask", {"sources": ["some"], "real": ["worn"]}, "mask", "leave out the key 'real'"),
        ("inpaint", {"sources": ["some"]}, "landmarks", "guided: false"),
    ],
)
def test_without_the_net_that_it_builds_on_a_config_says_what_to_change(
    data, tmp_path, net, config, file, key
):
    config = {"seed": 1, "device": "cpu", **config}

    with pytest.raises(WeightsError, match=rf"{file}\.safetensors is missing.*{key}"):
        build_task(net, config, data, data / "cache", tmp_path)


@pytest.mark.parametrize("stem", sorted(stem for stem, net in NET_OF.items() if net == "mask"))
def test_the_mask_net_never_waits_for_drawn_masks(stem):
    assert config_of(stem)["schedule"]["workers"] >= 1


def test_a_missing_file_of_verdicts_is_an_error(data):
    with pytest.raises(ValueError, match=r"there is no nowhere\.csv"):
        build("crop", {"seed": 1, "device": "cpu", "task": {"verdicts": "nowhere.csv"}}, data)


def test_the_originals_recipe_is_what_its_config_says(data):
    config = config_of("original")
    assert config["faces"] == 10_000

    task = build("inpaint", {**config, "faces": 40}, data)

    assert task.batch(0)["face"].shape == (16, 160, 160, 3)
    assert schedule_of(config["schedule"], task).steps == 192 * 40 / 16
    weights = [getattr(task.settings, name) for name in ("reconstruction", "whole", "region")]
    assert weights == [100, 0.3, 0.7]
    assert (task.settings.whole_from, task.settings.region_from) == (0, 0.4)
    assert isinstance(task.optimizers["net"], torch.optim.Adam)


def test_as_many_faces_as_wanted_are_trained_on_and_as_many_kept_apart(data):
    whole, part = (build("inpaint", small(faces=n), data) for n in (57, 20))

    assert (len(whole.faces), len(part.faces)) == (57, 20)
    assert part.apart.rows.tolist() == whole.apart.rows.tolist()


def test_more_faces_than_there_are_is_an_error(data):
    with pytest.raises(ValueError, match="58 are wanted"):
        build("inpaint", small(faces=58), data)


def test_faces_can_be_chosen_by_their_names(data):
    task = build("inpaint", small(only=["some/A*"]), data)

    assert {row % 2 for row in task.faces.rows} == {1}


def test_a_pattern_that_fits_no_name_is_an_error(data):
    with pytest.raises(ValueError, match="named like other/"):
        build("inpaint", small(only=["other/*"]), data)


def test_favoured_faces_are_seen_as_often_as_their_share_says(data, monkeypatch):
    seen = []
    monkeypatch.setattr(
        "models.training.inpaint_task.draw_sample",
        lambda faces, *_: seen.append({row % 2 for row in faces.rows} == {1}),
    )
    monkeypatch.setattr("models.training.inpaint_task.stack", lambda _: {})
    task = small()["task"] | {"batch_size": 100, "favoured_share": 0.3}

    build("inpaint", small(task=task, favoured=["some/A*"]), data).batch(0)

    assert 15 < sum(seen) < 45


@pytest.mark.parametrize("half", [{"task": {"favoured_share": 0.3}}, {"favoured": ["some/A*"]}])
def test_favoured_faces_need_a_share_and_a_share_needs_faces(data, half):
    with pytest.raises(ValueError, match="give both"):
        build("inpaint", small(**half), data)


def test_refused_faces_in_real_masks_are_left_out(data, tmp_path):
    refused = tmp_path / "refused.csv"
    refused.write_text("name,why\nworn/C0,labels wrong\nworn/A1,no face\nother/C2,no face\n")
    config = {"seed": 1, "device": "cpu", "sources": ["some"], "real": ["worn"]}

    task = build("mask", {**config, "refused": str(refused)}, data)
    judge = build("judge", {**config, "refused": str(refused)}, data)

    assert task.real.faces.rows.tolist() == list(range(2, COUNT))
    assert {0, 1}.isdisjoint(judge.real.rows)


def test_refused_faces_of_the_sources_are_left_out_too(data, tmp_path):
    refused = tmp_path / "refused.csv"
    refused.write_text("name\nsome/C0\nsome/A19\n")
    config = {"seed": 1, "device": "cpu", "sources": ["some"]}

    whole = build("mask", config, data)
    part = build("mask", {**config, "refused": str(refused)}, data)

    assert {*whole.faces.rows} - {*part.faces.rows} == {0}
    assert {*whole.apart.rows} - {*part.apart.rows} == {19}


def test_names_of_refused_faces_that_fit_none_are_counted(data, tmp_path, capsys):
    refused = tmp_path / "refused.csv"
    refused.write_text("name\nworn/C0\nworn/C2.webp\nworn/C4.webp\nother/C2\n")
    config = {"seed": 1, "device": "cpu", "sources": ["some"], "real": ["worn"]}

    build("judge", {**config, "refused": str(refused)}, data)

    assert capsys.readouterr().out.splitlines() == [
        "refused: left out 1 of 120 faces; 2 more of its names fit none, such as worn/C2.webp"
    ]


@pytest.mark.parametrize(
    ("content", "error", "message"),
    [
        (None, ValueError, r"refused: there is no .*refused\.csv"),
        ("face,why\nworn/C0,no face\n", SourceError, r"refused\.csv has no column 'name'"),
    ],
)
def test_a_mistake_in_the_list_of_refused_faces_is_named_before_any_face_is_cut(
    data, tmp_path, monkeypatch, content, error, message
):
    monkeypatch.setattr("models.training.config.load_faces", None)
    if content:
        (tmp_path / "refused.csv").write_text(content)
    config = {"seed": 1, "device": "cpu", "sources": ["some"], "real": ["worn"]}

    with pytest.raises(error, match=message):
        build("mask", config | {"refused": str(tmp_path / "refused.csv")}, data)


def test_epochs_are_passes_over_the_training_faces(data):
    task = build("inpaint", small(), data)

    assert schedule_of({"epochs": 2, "learning_rate": 0.1}, task) == Schedule(57, 0.1)


def test_a_size_that_the_generator_cannot_fold_is_refused(data):
    with pytest.raises(ValueError, match="multiple of 16"):
        build("inpaint", small(task={"size": 100}), data)


def test_a_gpu_that_is_not_there_is_a_clear_error(data, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)

    with pytest.raises(ValueError, match="no GPU here"):
        build("inpaint", small(device="cuda"), data)


def test_training_writes_a_net_of_the_sizes_asked_for(data):
    schedule = {"steps": 2, "learning_rate": 0.001, "log_every": 1, "threads": 1}
    run = data / "run"

    train("inpaint", small(schedule=schedule), data, run, data / "weights")

    net = load_net(run / "weights.safetensors", Generator, GeneratorConfig)
    assert net.config == GeneratorConfig(width=8, middle=8, deep=8, head=8)


def test_training_goes_on_from_the_start_it_is_given(data):
    sizes = GeneratorConfig(width=8, middle=8, deep=8, head=8)
    start = Generator(sizes)
    save_net(data / "weights" / "start.safetensors", start, sizes)
    schedule = {"steps": 1, "learning_rate": 0.0, "threads": 1}
    run = data / "finish"

    config = small(schedule=schedule, start="start.safetensors")
    train("inpaint", config, data, run, data / "weights")

    net = load_net(run / "weights.safetensors", Generator, GeneratorConfig)
    kernels = "atrous.0.0.weight"
    assert torch.equal(net.state_dict()[kernels], start.state_dict()[kernels].half().float())


def test_a_start_of_other_sizes_is_a_clear_error(data):
    config = small(schedule={"steps": 1, "learning_rate": 0.1}, start="landmarks.safetensors")

    with pytest.raises(ValueError, match=r"start: .* doesn't fit this net"):
        train("inpaint", config, data, data / "misfit", data / "weights")


def test_an_error_about_a_start_lists_no_tensors(data):
    config = small(schedule={"steps": 1, "learning_rate": 0.1}, start="landmarks.safetensors")

    with pytest.raises(ValueError, match=r"it holds no inpaint net, or one of other sizes$"):
        train("inpaint", config, data, data / "misfit", data / "weights")


def test_a_run_is_not_gone_on_with_by_another_config(data):
    schedule = {"steps": 1, "learning_rate": 0.001, "threads": 1}
    run = data / "begun"
    train("inpaint", small(schedule=schedule), data, run, data / "weights")

    with pytest.raises(ValueError, match=r"begun with another config .*\(see seed in .*--run"):
        train("inpaint", small(schedule=schedule, seed=2), data, run, data / "weights")


def test_a_run_is_not_gone_on_with_by_other_faces_of_the_same_names(data):
    schedule = {"steps": 1, "learning_rate": 0.001, "threads": 1}
    run, before = data / "moved", data / "some" / "labels.npz"
    train("inpaint", small(schedule=schedule), data, run, data / "weights")
    labels, content = np.load(before), before.read_bytes()
    np.savez(before, name=labels["name"], landmarks=labels["landmarks"] + 9)

    try:
        with pytest.raises(ValueError, match="see labels in"):
            train("inpaint", small(schedule=schedule), data, run, data / "weights")
    finally:
        before.write_bytes(content)


def test_sizes_of_a_net_are_checked_too(data):
    with pytest.raises(ValueError, match="net: width is '8': it must be a whole number"):
        build("inpaint", small(net={"width": "8"}), data)


def test_nets_with_a_recipe_for_own_faces_are_those_in_its_folder():
    assert {path.stem for path in (CONFIGS / "own").glob("*.yaml")} == set(WITH_OWN)


@pytest.mark.parametrize("net", WITH_OWN)
def test_a_recipe_without_its_sources_names_the_one_for_own_faces(tmp_path, net):
    with pytest.raises(NoSourceError, match=rf"neither aaf\.zip .* configs/train/own/{net}\.yaml"):
        train(net, config_of(net), tmp_path, tmp_path / "run", tmp_path)


def test_a_detector_without_scenes_is_told_of_boxes(tmp_path):
    config = config_of("crop")
    config["task"] |= {"unlabelled_score": 0, "refused": "", "pretrained": False}

    with pytest.raises(NoSourceError, match=r"scenes\.zip nor scenes/.* boxes\.json") as error:
        train("crop", config, tmp_path, tmp_path / "run", tmp_path)

    assert "mask2face label" not in str(error.value)


@pytest.mark.parametrize(
    ("net", "key"), [("crop", "sources"), ("landmarks", "favoured"), ("inpaint", "real")]
)
def test_a_key_that_a_net_has_no_use_for_is_refused(data, net, key):
    config = {"seed": 1, "device": "cpu", "schedule": {"steps": 1}, key: ["some"]}

    with pytest.raises(ValueError, match=rf"config of {net} has no key \['{key}'\]"):
        train(net, config, data, data / "useless", data / "weights")


def test_a_run_may_be_made_longer(data, capsys):
    run = data / "longer"
    for steps in (1, 2):
        schedule = {"steps": steps, "learning_rate": 0.001, "threads": 1}
        train("inpaint", small(schedule=schedule), data, run, data / "weights")

    assert "at step 1" in capsys.readouterr().out  # resumed
    assert torch.load(run / "checkpoint.pt", weights_only=True)["step"] == 2


def test_too_few_faces_to_keep_one_apart_are_an_error(data):
    (data / "few").mkdir()
    labels = np.load(data / "some" / "labels.npz")
    points = labels["landmarks"][:5]
    np.savez(data / "few" / "labels.npz", name=labels["name"][:5], landmarks=points)
    kept = store_path(data, ["few"], data / "cache")
    kept.mkdir(parents=True)
    np.save(kept / "images.npy", np.zeros((5, STORE_PX, STORE_PX, 3), np.uint8))
    np.savez(kept / "labels.npz", landmarks=points, sources=["few"] * 5)

    with pytest.raises(ValueError, match="few: 5 faces are too few"):
        build("inpaint", small(sources=["few"]), data)
