import asyncio
import os
import subprocess
import sys
import threading
import time
from contextlib import ExitStack, contextmanager

import pytest

from loadtest.chaos.processes import (
    ProcessesError,
    cpu_s,
    find,
    is_titled,
    kill,
    memory_mb,
    processes_of,
    wait_for,
    wait_for_end,
    wait_for_work,
)

# Ray titles a process by changing its command line, which is what the kernel shows.
TITLE = "ray::ServeReplica:mask2face:Inpainter"


@contextmanager
def sleeper(new_session: bool = True):
    command = [TITLE, "-c", "import time; time.sleep(60)"]
    process = subprocess.Popen(command, executable=sys.executable, start_new_session=new_session)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def test_a_process_is_found_by_its_title_in_its_session():
    with sleeper() as one:
        assert wait_for(one.pid, TITLE, 1, timeout_s=5) == [one.pid]


def test_a_process_of_another_session_is_never_found():
    with sleeper() as one, sleeper():
        assert set(processes_of(one.pid)) == {one.pid}


def test_a_killed_process_is_gone_at_once():
    with sleeper() as one:
        wait_for(one.pid, TITLE, 1, timeout_s=5)
        kill(one.pid)
        time.sleep(0.2)  # nobody has waited for it, so it is a zombie

        assert find(one.pid, TITLE) == []


def test_who_waits_for_processes_that_do_not_come_is_told():
    with sleeper() as one, pytest.raises(ProcessesError, match="instead of 2"):
        wait_for(one.pid, TITLE, 2, timeout_s=0.2)


def test_who_waits_for_an_end_sees_it_or_is_told():
    with sleeper() as one:
        with pytest.raises(ProcessesError, match="didn't end"):
            wait_for_end(one.pid, timeout_s=0.2)
        kill(one.pid)

        wait_for_end(one.pid, timeout_s=5)


def wait_for_rest(pid: int) -> None:
    before_s = -1.0
    while cpu_s(pid) > before_s:
        before_s = cpu_s(pid)
        time.sleep(0.5)


def test_a_process_that_computes_is_at_work_and_one_that_sleeps_is_not():
    with sleeper() as idle:
        wait_for(idle.pid, TITLE, 1, timeout_s=5)
        wait_for_rest(idle.pid)
        with pytest.raises(ProcessesError, match="nothing to do"):
            asyncio.run(wait_for_work(idle.pid, timeout_s=0.3))
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as busy:
        try:
            asyncio.run(wait_for_work(busy.pid, timeout_s=30))
        finally:
            busy.kill()


def test_the_time_of_a_process_is_that_of_all_its_threads():
    def compute() -> None:
        while time.thread_time() < 0.05:
            pass

    before_s, other = cpu_s(os.getpid()), threading.Thread(target=compute)
    other.start()
    other.join()

    assert cpu_s(os.getpid()) - before_s == pytest.approx(0.05, abs=0.01)


@pytest.mark.parametrize(
    ("found", "expected"),
    [(TITLE, True), (f"{TITLE}.reconfigure", True), (f"{TITLE}2", False), ("python", False)],
)
def test_a_title_may_end_with_what_the_process_does(found, expected):
    assert is_titled(found, TITLE) == expected


SHARES = """
import mmap, sys, time
with open(sys.argv[1], "rb") as file:
    shared = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
sum(shared[::4096])
print(flush=True)
time.sleep(60)
"""


def test_what_others_share_is_no_process_own_however_many_they_are(tmp_path):
    (tmp_path / "library").write_bytes(bytes(20_000_000))
    with ExitStack() as stack:

        def start():
            command = [sys.executable, "-c", SHARES, tmp_path / "library"]
            process = stack.enter_context(subprocess.Popen(command, stdout=subprocess.PIPE))
            stack.callback(process.kill)
            process.stdout.readline()
            return process.pid

        first, _ = start(), start()
        own, rss = memory_mb(first)
        start()
        own_later, _ = memory_mb(first)

    assert 1 < own < rss - 20
    assert own_later == pytest.approx(own, abs=0.5)
