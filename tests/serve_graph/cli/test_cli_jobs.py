"""Work that several processes share."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
import typer

from models.errors import NoFaceError, ReferencePhotoError
from serve_graph.cli.files import work_through
from serve_graph.cli.jobs import KilledError
from tests.waiting import wait_for

ROOT = Path(__file__).parents[3]
SCRIPT = """
import sys
from pathlib import Path
from serve_graph.cli.files import work_through
from tests.serve_graph.cli.test_cli_jobs import begin

try:
    work_through([Path(name) for name in sys.argv[1:]], begin, "beginning", jobs=2)
except KeyboardInterrupt:
    raise SystemExit(130)
"""


def look(path):
    if path.name == "bad":
        raise NoFaceError("No face was found.")
    time.sleep(1 if path.name == "slow" else 0)
    return f"{torch.get_num_threads()} thread"


def test_notes_keep_the_order_and_a_bad_path_fails_alone(capsys):
    paths = [Path(name) for name in ("slow", "bad", "quick")]

    with pytest.raises(typer.Exit):
        work_through(paths, look, "looking", jobs=2)

    told = [line for line in capsys.readouterr().err.splitlines() if "looking" not in line]
    assert told == [
        "slow: 1 thread",
        "quick: 1 thread",
        "mask2face: bad: No face was found.",
        "mask2face: 1 of 3 pictures failed.",
    ]


def die(_path):
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_killed_process_is_told_in_one_line():
    with pytest.raises(KilledError, match="for want of memory: choose fewer --jobs"):
        work_through([Path("1"), Path("2")], die, "dying", jobs=2)


def refuse_or_sleep(path):
    if path.name == "first":
        raise ReferencePhotoError("The reference photo shows no face.")
    time.sleep(600)


def test_an_error_that_concerns_all_ends_the_processes_at_once():
    with pytest.raises(ReferencePhotoError, match="shows no face"):
        work_through([Path("first"), Path("second")], refuse_or_sleep, "refusing", jobs=2)


def begin(path):
    path.touch()
    time.sleep(600 if path.name == "long" else 0)


@pytest.mark.parametrize(
    ("number", "to_all"),
    [(signal.SIGINT, True), (signal.SIGTERM, False), (signal.SIGKILL, False)],
    ids=["Ctrl-C", "SIGTERM", "SIGKILL"],
)
def test_the_processes_end_with_their_parent(tmp_path, number, to_all):
    paths = [tmp_path / "long", tmp_path / "short"]  # one process works, the other waits
    words = [sys.executable, "-c", SCRIPT, *map(str, paths)]
    parent = subprocess.Popen(
        words, cwd=ROOT, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    wait_for(lambda: all(path.exists() for path in paths))

    (os.killpg if to_all else os.kill)(parent.pid, number)

    _, told = parent.communicate(timeout=60)  # its stderr is theirs too: it ends with the last
    assert parent.returncode == (130 if to_all else -number)
    assert "Traceback" not in told
