"""What each target of `make` installs; pip only logs what it was asked to install."""

import re
import shlex
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
# What the targets call in .venv/bin.
PROGRAMS = ("python", "mask2face", "ruff", "mypy", "locust")


@pytest.fixture
def make(tmp_path):
    """Runs targets of make with a new .venv; returns what pip was asked to install."""
    log, programs = tmp_path / "log", tmp_path / ".venv" / "bin"
    programs.mkdir(parents=True)
    for name in PROGRAMS:
        program = programs / name
        program.write_text(f'#!/bin/sh\necho "$@" >> {log}\n')
        program.chmod(0o755)

    def run(*words):
        log.write_text("")
        given = [f"VENV={tmp_path / '.venv'}", "PYTHON=true", "NET=mask", f"DATA={tmp_path}"]
        done = subprocess.run(["make", *words, *given], cwd=ROOT, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return re.findall(r"^-m pip install .* (\S+)$", log.read_text(), re.MULTILINE)

    return run


@pytest.mark.parametrize("word", ["serve", "sweep", "bench", "chaos", "soak"])
def test_what_only_calls_the_service_needs_no_extra(make, word):
    assert make(word) == ["."]


@pytest.mark.parametrize(
    ("word", "extras"),
    [
        ("train", [".[train]"]),
        ("load-ui", [".[load]"]),
        *((word, [".[dev]", "face-alignment"]) for word in ("install", "test", "check", "format")),
    ],
)
def test_an_extra_is_added_to_what_serving_needs(make, word, extras):
    make("serve")

    assert make(word) == extras
    assert make(word) == []


def test_train_passes_on_where_and_with_which_values(make, tmp_path):
    make("train", "DEVICE=cuda", "SET=schedule.steps=100 seed=2")

    *_, ran = (tmp_path / "log").read_text().splitlines()
    assert ran == f"train mask {tmp_path} --device cuda --set schedule.steps=100 --set seed=2"


def test_where_everything_is_nothing_is_added(make):
    make("test")

    assert [make(word) for word in ("serve", "load-ui", "train", "picture")] == [[]] * 4


@pytest.mark.parametrize("word", ["load", "load-ui", "sweep"])
def test_a_header_is_in_the_environment_of_a_load_test_and_in_no_command(word, tmp_path):
    programs, seen = tmp_path / ".venv" / "bin", tmp_path / "seen"
    programs.mkdir(parents=True)
    for name in PROGRAMS:
        program = programs / name
        program.write_text(f'#!/bin/sh\necho "$HEADER" >> {seen}; echo "$@"\n')
        program.chmod(0o755)

    given = [f"VENV={tmp_path / '.venv'}", "PYTHON=true", "HEADER=Authorization: Bearer s3cr3t"]
    done = subprocess.run(["make", word, *given], cwd=ROOT, capture_output=True, text=True)

    assert seen.read_text().splitlines()[-1] == "Authorization: Bearer s3cr3t"
    assert "s3cr3t" not in done.stdout + done.stderr


def test_a_sweep_takes_all_that_its_help_names():
    given = {"RATES": "2,4", "SECONDS": "5", "PHOTOS": "my photos", "CSV": "out.csv"}
    words = [f"{name}={value}" for name, value in given.items()]
    made = ["make", "--no-print-directory", "--dry-run", "sweep", "WORKLOAD=W2", *words]
    told = subprocess.run(made, cwd=ROOT, capture_output=True, text=True).stdout

    command = shlex.split(told.replace("\\\n", " ").splitlines()[-1])
    options = ["--rates", "2,4", "--seconds", "5", "--workload", "W2"]
    assert command[-10:] == [*options, "--photos", "my photos", "--csv", "out.csv"]
