import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from loadtest.servers import end, serving
from serve_graph import PROJECT
from serve_graph.flags import free_port
from tests.waiting import wait_for


@pytest.mark.parametrize("own_session", [False, True])
def test_a_server_shares_the_senders_session_unless_it_is_to_be_found_by_its_own(own_session):
    port = free_port()
    command = [sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1"]

    with serving(command, f"http://127.0.0.1:{port}", "/", {}, own_session) as pid:
        session, group = os.getsid(pid), os.getpgid(pid)

    assert session == (pid if own_session else os.getsid(0))
    assert group == pid  # Ctrl-C reaches the sender alone, and nothing of the server is left


RUN = """
import signal, time
from loadtest.servers import end_on_signals, serving
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # the tests may run under nohup
end_on_signals()
command = [{python!r}, "-m", "http.server", "{port}", "--bind", "127.0.0.1"]
with serving(command, "http://127.0.0.1:{port}", "/", {{}}) as pid:
    print(pid, flush=True)
    time.sleep(60)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_no_server_is_left_where_a_run_is_ended_or_its_terminal_closed(number):
    code = RUN.format(python=sys.executable, port=free_port())
    run = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=PROJECT
    )
    pid = int(run.stdout.readline())
    run.send_signal(number)
    run.communicate(timeout=30)

    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_second_ctrl_c_kills_what_does_not_end(monkeypatch):
    code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN)"
    code += "; print(); time.sleep(60)"
    stubborn = subprocess.Popen(
        [sys.executable, "-uc", code], stdout=subprocess.PIPE, process_group=0
    )
    stubborn.stdout.readline()
    wait = stubborn.wait

    def interrupted(*_) -> None:
        monkeypatch.setattr(stubborn, "wait", wait)
        raise KeyboardInterrupt

    monkeypatch.setattr(stubborn, "wait", interrupted)
    with pytest.raises(KeyboardInterrupt):
        end(stubborn)

    assert stubborn.returncode == -signal.SIGKILL


ONCE = """
import http.server, sys
files = http.server.SimpleHTTPRequestHandler
http.server.HTTPServer(("127.0.0.1", {port}), files).handle_request()
sys.exit("out of memory")
"""


def test_a_server_that_dies_in_a_run_leaves_the_end_of_its_log(capsys):
    port = free_port()
    command = [sys.executable, "-c", ONCE.format(port=port)]

    with serving(command, f"http://127.0.0.1:{port}", "/", {}) as pid:
        state = Path(f"/proc/{pid}/stat")
        wait_for(lambda: ") Z " in state.read_text(), timeout_s=20, poll_s=0.05)

    said = capsys.readouterr().out
    assert said.startswith("The server ended with exit code 1:")
    assert said.endswith("out of memory\n")
