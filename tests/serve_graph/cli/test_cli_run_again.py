"""A run that was stopped: what it leaves, and how the next one goes on."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from loadtest.photos import Scene, draw_photo
from tests.waiting import wait_for

pytestmark = pytest.mark.usefixtures("seeing")


def test_an_earlier_result_stays_whole_if_the_disk_fills_up(command, photo, tmp_path, monkeypatch):
    path, out = photo(), tmp_path / "out"
    command("run", path, "-o", out)
    before = (out / "photo.png").read_bytes()

    def write_half(path, data):
        with path.open("wb") as file:
            file.write(data[: len(data) // 2])
        raise OSError("No space left on device")

    monkeypatch.setattr(Path, "write_bytes", write_half)
    result = command("run", path, "-o", out)

    assert result.exit_code == 1
    assert "photo.png: No space left on device" in result.stderr
    assert [path.name for path in out.iterdir()] == ["photo.png"]
    assert (out / "photo.png").read_bytes() == before


@pytest.fixture
def run(command, photo, tmp_path):
    """Runs on a folder of two photos."""
    photo("one.jpg")
    photo("two.jpg")

    def run(*words):
        return command("run", tmp_path / "in", "-o", tmp_path / "out", *words)

    return run


def test_existing_results_are_left_as_they_are_if_asked(run, tmp_path):
    run()
    (tmp_path / "out" / "one.jpg").write_bytes(b"mine")
    (tmp_path / "out" / "two.jpg").unlink()

    result = run("--skip-existing")

    assert result.exit_code == 0, result.stderr
    assert "1 of 2 already done" in result.stderr
    assert (tmp_path / "out" / "one.jpg").read_bytes() == b"mine"
    assert (tmp_path / "out" / "two.jpg").is_file()


def test_without_being_asked_results_are_made_anew(run, tmp_path):
    run()
    (tmp_path / "out" / "one.jpg").write_bytes(b"mine")

    result = run()

    assert "already done" not in result.stderr
    assert (tmp_path / "out" / "one.jpg").read_bytes() != b"mine"


@pytest.mark.parametrize("words", [("--panels",), ("--candidates", 2)])
def test_a_photo_of_which_one_file_is_missing_is_not_done(run, tmp_path, words):
    run(*words)
    written = sorted((tmp_path / "out").iterdir())
    assert len(written) == 4
    written[-1].unlink()

    result = run("--skip-existing", *words)

    assert "1 of 2 already done" in result.stderr
    assert sorted((tmp_path / "out").iterdir()) == written


def test_if_all_is_done_no_net_is_loaded(run, command, tmp_path):
    run()

    words = ("run", tmp_path / "in", "-o", tmp_path / "out", "--skip-existing")
    result = command(*words, weights=tmp_path / "none")

    assert result.exit_code == 0
    assert result.stderr == "2 of 2 already done\n"


NAMES = [f"{number}.jpg" for number in range(5)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Five photos."""
    folder = tmp_path_factory.mktemp("photos")
    random = np.random.default_rng(0)
    for name in NAMES:
        (folder / name).write_bytes(draw_photo(Scene(0.3, 1), random).file)
    return folder


def start(folder, out, *words):
    """Starts a run with the shipped nets, on one thread for each process."""
    code = "from serve_graph.cli import app; app()"
    line = [sys.executable, "-c", code, "run", str(folder), "-o", str(folder / out), *words]
    env = os.environ | {"OMP_NUM_THREADS": "1"}
    return subprocess.Popen(line, env=env, stderr=subprocess.PIPE, text=True)


def results_in(out):
    return {path.name: path.read_bytes() for path in out.glob("[0-9].jpg")}


def test_a_killed_run_leaves_whole_results_and_the_next_one_makes_the_rest(folder):
    killed = start(folder, "out", "--jobs", "2")
    wait_for(lambda: results_in(folder / "out"), poll_s=0.01)
    killed.kill()
    killed.communicate(timeout=60)
    left = results_in(folder / "out")

    again = start(folder, "out", "--jobs", "2", "--skip-existing")
    _, told = again.communicate(timeout=100)

    assert again.returncode == 0, told
    assert f"{len(left)} of 5 already done" in told
    assert sorted(path.name for path in (folder / "out").iterdir()) == NAMES
    alone = start(folder, "alone")
    assert alone.wait(timeout=100) == 0
    assert results_in(folder / "alone") == left | results_in(folder / "out")
