import asyncio
import os
import subprocess
import sys
import time
from contextlib import contextmanager

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

# The title that Ray gives a process is its command line as the kernel shows it.
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
    with sleeper() as one, sleeper() as other:
        assert other.pid not in processes_of(one.pid)
        assert os.getpid() not in processes_of(one.pid)


def test_a_killed_process_is_gone_at_once():
    with sleeper() as one:
        wait_for(one.pid, TITLE, 1, timeout_s=5)
        kill(one.pid)
        time.sleep(0.2)  # nobody has waited for it: it is a zombie

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
    before_s, before_own_s = cpu_s(os.getpid()), time.process_time()
    while time.process_time() < before_own_s + 0.05:
        pass

    assert cpu_s(os.getpid()) - before_s == pytest.approx(0.05, abs=0.01)


@pytest.mark.parametrize(
    ("found", "expected"),
    [(TITLE, True), (f"{TITLE}.reconfigure", True), (f"{TITLE}2", False), ("python", False)],
)
def test_a_title_may_end_with_what_the_process_does(found, expected):
    assert is_titled(found, TITLE) == expected


def test_memory_is_proportional_and_resident():
    pss, rss = memory_mb(os.getpid())

    assert 5 < pss <= rss
