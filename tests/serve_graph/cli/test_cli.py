import json
import subprocess
import sys
import tomllib

import pytest
from typer.main import get_command

from models.training.drawing import KINDS
from serve_graph import PROJECT, config_file, launch
from serve_graph.cli import app, options, root
from serve_graph.config_file import ConfigError, read_config


def test_help_answers_without_torch_and_ray():
    script = (
        "import sys; from serve_graph.cli import app; app(['--help'], standalone_mode=False);"
        "assert not {'torch', 'ray', 'cv2', 'numpy'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)

    assert done.returncode == 0, done.stderr
    for name in ("serve", "run", "detect", "wear", "evaluate", "train", "weights"):
        assert f" {name} " in done.stdout


def test_the_version_is_of_the_package_and_of_the_weights(command):
    result = command("--version", weights=None)

    package = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]["version"]
    nets = json.loads((PROJECT / "weights" / "manifest.json").read_text())["version"]
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [f"mask2face {package}", f"weights {nets}"]


def test_the_version_of_a_package_without_weights_says_what_is_missing(
    command, monkeypatch, tmp_path
):
    monkeypatch.setattr(root, "WEIGHTS", tmp_path)

    result = command("--version", weights=None)

    assert (result.exit_code, len(result.stdout.splitlines())) == (1, 1)
    assert "manifest.json is missing" in result.stderr


@pytest.mark.parametrize("name", ["compare", "detect", "evaluate", "label", "synth"])
def test_a_paragraph_of_help_is_not_broken_where_its_source_is(command, monkeypatch, name):
    monkeypatch.setenv("COLUMNS", "400")  # wide enough for any paragraph

    shown = command(name, "--help", weights=None).stdout.partition("╭")[0]

    _usage, _first, second = [line for line in shown.splitlines() if line.strip()]
    assert second.rstrip().endswith(".")


def test_wrong_use_is_told_in_one_line_with_code_2(command, tmp_path):
    result = command("run", tmp_path / "nowhere.jpg", "-o", tmp_path / "out")

    assert result.exit_code == 2
    assert len(result.stderr.splitlines()) == 1
    assert "does not exist" in result.stderr


def test_missing_weights_are_told_in_one_line_with_code_1(command, photo, tmp_path):
    result = command("run", photo(), "-o", tmp_path / "out", weights=tmp_path / "none")

    assert result.exit_code == 1
    assert len(result.stderr.splitlines()) == 1
    assert "manifest.json is missing" in result.stderr


@pytest.mark.parametrize("words", [("run", "-o", "out"), ("serve",)])
def test_a_package_without_its_clone_says_so(command, monkeypatch, tmp_path, words):
    nowhere = tmp_path / "weights"
    monkeypatch.setattr(options, "WEIGHTS", nowhere)
    given = nowhere if words[0] == "run" else None

    result = command(*words, __file__, weights=given)

    assert result.exit_code == 2
    assert "the installed package has no weights and no configs" in result.stderr


def test_the_config_is_served_with_what_the_options_say(
    command, monkeypatch, tmp_path, tiny_weights
):
    config, served = tmp_path / "graph.yaml", []
    text = (PROJECT / "configs" / "gpu.yaml").read_text()
    config.write_text(text.replace("weights: weights", f"weights: {tiny_weights}"))
    monkeypatch.setattr(launch, "serve", lambda *given: served.append(given))

    result = command(
        *("serve", config, "--host", "::1", "--port", 81, "--device", "cpu", "--num-gpus", 2),
        weights=None,
    )

    assert result.exit_code == 0, result.stderr
    assert served == [(read_config(config, "::1", 81, "cpu"), 2)]


def test_each_thing_wrong_with_the_config_gets_a_line(command, monkeypatch, tmp_path):
    config = tmp_path / "graph.yaml"
    config.write_text("applications: []")

    def refuse(*_, **__):
        raise ConfigError("one thing\nanother thing")

    monkeypatch.setattr(config_file, "load_config", refuse)

    result = command("serve", config, weights=None)

    assert result.exit_code == 2
    assert result.stderr.splitlines() == ["mask2face: one thing", "mask2face: another thing"]


@pytest.fixture
def _not_served(monkeypatch):
    monkeypatch.setattr(launch, "serve", None)


@pytest.mark.usefixtures("_not_served")
def test_a_good_config_is_only_checked(command, tmp_path, tiny_weights, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    config = tmp_path / "graph.yaml"
    text = (PROJECT / "configs" / "gpu.yaml").read_text()
    config.write_text(text.replace("weights: weights", f"weights: {tiny_weights}"))

    result = command("serve", "--check", config, weights=None)

    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == f"{config}: no problems found.\n"


@pytest.mark.usefixtures("_not_served")
def test_a_check_names_each_thing_that_is_wrong(command, tmp_path):
    config = tmp_path / "graph.yaml"
    config.write_text("{aplications: [], http_optionz: {}}")

    result = command("serve", "--check", config, weights=None)

    assert (result.exit_code, result.stdout) == (2, "")
    assert [line.split(": ")[2] for line in result.stderr.splitlines()] == [
        "aplications",
        "http_optionz",
    ]


@pytest.mark.usefixtures("_not_served")
def test_a_config_that_can_not_be_read_is_told_in_one_line(command, tmp_path):
    config = tmp_path / "graph.yaml"
    config.write_bytes("# Café".encode("latin-1"))

    result = command("serve", "--check", config, weights=None)

    assert (result.exit_code, len(result.stderr.splitlines())) == (2, 1)


@pytest.mark.parametrize("port", [0, 99_999])
def test_a_port_that_there_can_not_be_is_wrong_use(command, tmp_path, port):
    config = tmp_path / "graph.yaml"
    config.write_text("applications: []")

    result = command("serve", config, "--port", port, weights=None)

    assert (result.exit_code, len(result.stderr.splitlines())) == (2, 1)


def commands_of(group, name="mask2face"):
    for word, one in group.commands.items():
        if hasattr(one, "commands"):
            yield from commands_of(one, f"{name} {word}")
        else:
            yield f"{name} {word}", one


COMMANDS = dict(commands_of(get_command(app)))


@pytest.mark.parametrize("name", COMMANDS)
def test_each_argument_and_option_has_a_word_of_help(name):
    assert not [one.name for one in COMMANDS[name].params if not one.help]


@pytest.mark.parametrize("name", ["mask2face synth", "mask2face wear"])
def test_the_help_of_kind_lists_all_kinds(name):
    (kind,) = [one for one in COMMANDS[name].params if one.name == "kind"]

    listed = kind.help.split(": ")[1].split(".")[0].split(";")[0]
    assert listed.replace(" or ", ", ").split(", ") == list(KINDS)


@pytest.mark.parametrize(
    ("option", "default"),
    [("--run", "runs/NET"), ("--config", "configs/train/NET.yaml"), ("--weights", "weights")],
)
def test_the_help_of_train_says_its_defaults(option, default):
    (found,) = [one for one in COMMANDS["mask2face train"].params if option in one.opts]

    assert found.show_default == default
