import subprocess
import sys
import threading
from pathlib import Path

import pytest
import torch

from models.parallel import parallel_map

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def threads():
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


@pytest.mark.parametrize("count", [1, 3])
def test_results_keep_the_order_of_the_items(threads, count):
    threads(count)

    assert parallel_map(lambda a, b: a * b, range(7), range(7)) == [n * n for n in range(7)]


def test_items_run_beside_each_other_on_so_many_threads(threads):
    threads(3)
    together = threading.Barrier(3, timeout=20)

    parallel_map(lambda _: together.wait(), range(3))  # breaks if one waits for another to end


def test_one_item_takes_no_thread_of_its_own(threads):
    threads(3)

    assert parallel_map(lambda _: threading.current_thread(), [0]) == [threading.current_thread()]


@pytest.mark.parametrize("count", [1, 3])
def test_an_error_of_an_item_comes_out(threads, count):
    threads(count)

    with pytest.raises(ZeroDivisionError):
        parallel_map(lambda n: 1 // n, [1, 0, 1])


def test_columns_are_of_one_length():
    with pytest.raises(ValueError, match="shorter"):
        parallel_map(lambda a, b: a + b, [1, 2], [1])


COUNTS = """
import os, sys
from pathlib import Path
import torch
from models.nets import inference
from models.stages import load_models

inference._are_sessions_faster = lambda *_: sys.argv[2] == "True"

def threads():
    return len(os.listdir("/proc/self/task"))

torch.set_num_threads(3)
before = threads()
load_models(Path(sys.argv[1]))
loaded = threads()
torch.ones(1000, 1000).exp()
print(loaded - before, threads() - loaded)
"""


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="counts threads as Linux does")
@pytest.mark.parametrize("in_sessions", [False, True])
def test_loading_leaves_the_threads_of_nets_to_those_who_compute(in_sessions):
    if in_sessions:
        pytest.importorskip("onnxruntime", reason="it is installed on x86 only")

    done = subprocess.run(
        [sys.executable, "-c", COUNTS, str(ROOT / "weights"), str(in_sessions)],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )

    assert not done.returncode, done.stderr
    loading, computing = done.stdout.split()
    assert computing == "2"
    # Sessions have threads of their own, which sleep between calls.
    assert loading == "0" or in_sessions
