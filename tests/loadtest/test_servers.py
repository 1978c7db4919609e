import os
import sys

import pytest

from loadtest.servers import serving
from serve_graph.flags import free_port


@pytest.mark.parametrize("own_session", [False, True])
def test_a_server_shares_the_senders_session_unless_it_is_to_be_found_by_its_own(own_session):
    port = free_port()
    command = [sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1"]

    with serving(command, f"http://127.0.0.1:{port}", "/", {}, own_session) as pid:
        session, group = os.getsid(pid), os.getpgid(pid)

    assert session == (pid if own_session else os.getsid(0))
    assert group == pid  # Ctrl-C reaches the sender alone, and nothing of the server is left
