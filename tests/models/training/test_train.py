import numpy as np
import pytest
import torch

from models.checkpoint import load_net, save_net
from models.inpaint.generator import Generator, GeneratorConfig
from models.training.record import WITH_OWN
from models.training.settings import ConfigError
from models.training.sources import NoSourceError
from tests.models.training.recipes import train
from tests.models.training.test_build import CONFIGS, config_of, small


def test_training_writes_a_net_of_the_sizes_asked_for(stocked):
    schedule = {"steps": 2, "learning_rate": 0.001, "log_every": 1, "threads": 1}
    run = stocked / "run"

    train("inpaint", small(schedule=schedule), stocked, run, stocked / "weights")

    net = load_net(run / "weights.safetensors", Generator, GeneratorConfig)
    assert net.config == GeneratorConfig(width=8, middle=8, deep=8, head=8)


def test_training_goes_on_from_the_start_it_is_given(stocked):
    sizes = GeneratorConfig(width=8, middle=8, deep=8, head=8)
    start = Generator(sizes)
    save_net(stocked / "weights" / "start.safetensors", start, sizes)
    schedule = {"steps": 1, "learning_rate": 0.0, "threads": 1}
    run = stocked / "finish"

    config = small(schedule=schedule, start="start.safetensors")
    train("inpaint", config, stocked, run, stocked / "weights")

    net = load_net(run / "weights.safetensors", Generator, GeneratorConfig)
    kernels = "atrous.0.0.weight"
    assert torch.equal(net.state_dict()[kernels], start.state_dict()[kernels].half().float())


def test_a_start_of_other_sizes_is_a_clear_error_without_a_list_of_tensors(stocked):
    config = small(schedule={"steps": 1, "learning_rate": 0.1}, start="landmarks.safetensors")

    told = r"start: .* doesn't fit this net: it holds no inpaint net, or one of other sizes$"
    with pytest.raises(ConfigError, match=told):
        train("inpaint", config, stocked, stocked / "misfit", stocked / "weights")


def test_a_run_is_not_gone_on_with_by_another_config(stocked):
    schedule = {"steps": 1, "learning_rate": 0.001, "threads": 1}
    run = stocked / "begun"
    train("inpaint", small(schedule=schedule), stocked, run, stocked / "weights")

    with pytest.raises(ConfigError, match=r"begun with another config .*\(see seed in .*--run"):
        train("inpaint", small(schedule=schedule, seed=2), stocked, run, stocked / "weights")


def test_a_run_is_not_gone_on_with_by_other_faces_of_the_same_names(stocked):
    schedule = {"steps": 1, "learning_rate": 0.001, "threads": 1}
    run, before = stocked / "moved", stocked / "some" / "labels.npz"
    train("inpaint", small(schedule=schedule), stocked, run, stocked / "weights")
    labels, content = np.load(before), before.read_bytes()
    np.savez(before, name=labels["name"], landmarks=labels["landmarks"] + 9)

    try:
        with pytest.raises(ConfigError, match="see labels in"):
            train("inpaint", small(schedule=schedule), stocked, run, stocked / "weights")
    finally:
        before.write_bytes(content)


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
def test_a_key_that_a_net_has_no_use_for_is_refused(stocked, net, key):
    config = {"seed": 1, "device": "cpu", "schedule": {"steps": 1}, key: ["some"]}

    with pytest.raises(ConfigError, match=rf"config of {net} has no key \['{key}'\]"):
        train(net, config, stocked, stocked / "useless", stocked / "weights")


def test_a_run_may_be_made_longer(stocked, capsys):
    run = stocked / "longer"
    for steps in (1, 2):
        schedule = {"steps": steps, "learning_rate": 0.001, "threads": 1}
        train("inpaint", small(schedule=schedule), stocked, run, stocked / "weights")

    assert "at step 1" in capsys.readouterr().out  # resumed
    assert torch.load(run / "checkpoint.pt", weights_only=True)["step"] == 2
