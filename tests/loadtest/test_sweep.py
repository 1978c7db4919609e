import re

import pytest

from loadtest import sweep
from loadtest.open_loop import Outcome, summary
from tests.loadtest.doubles import OneByOne, answer_with, picture, workload
from tests.loadtest.small_server import serving

URL = "http://127.0.0.1:9"  # nobody answers there
MOST = 50  # requests/s of the service


@pytest.fixture(autouse=True)
def short(monkeypatch):
    monkeypatch.setattr(sweep, "_UNLOADED_S", 0.2)
    monkeypatch.setattr(sweep, "MAX_P99_MS", 250.0)
    monkeypatch.setattr(sweep, "draw", lambda _: [workload()])


def run(monkeypatch, url: str, *options: str) -> int:
    monkeypatch.setattr("sys.argv", ["sweep", "--host", url, "--seconds", "1", *options])
    return sweep.main()


def rows(text: str) -> list[list[str]]:
    return [line.split() for line in text.splitlines() if re.match(r" +\d", line)]


@pytest.fixture
def service(monkeypatch):
    """Takes 20 ms for each request, one at a time; simulated."""

    async def ready(*_) -> OneByOne:
        return OneByOne(MOST)

    monkeypatch.setattr(sweep.Meter, "ready", ready)


@pytest.mark.usefixtures("service")
def test_the_rate_rises_until_it_is_beyond_the_objectives(monkeypatch, capsys):
    code = run(monkeypatch, URL)
    said = capsys.readouterr().out

    assert code == 0
    *kept, broken = ([float(cell) for cell in row] for row in rows(said))
    assert all(row[-1] < 250 for row in kept)
    assert broken[-1] > 250
    assert kept[-1][0] < 1.2 * MOST
    assert f"Kept at {kept[-1][0]:.1f} requests/s." in said


@pytest.mark.usefixtures("service")
def test_rates_that_are_asked_for_are_all_measured(monkeypatch, capsys):
    assert run(monkeypatch, URL, "--rates", "120,10") == 0
    beyond, within = rows(capsys.readouterr().out)

    assert (beyond[0], within[0]) == ("120.0", "10.0")
    assert within[1] == "10.0"


@pytest.mark.usefixtures("service")
def test_a_service_that_is_too_slow_at_all_rates_fails(monkeypatch, capsys):
    assert run(monkeypatch, URL, "--rates", "120") == sweep.FAILED

    assert "Not kept." in capsys.readouterr().out


def test_what_is_refused_and_what_fails_are_counted_apart():
    statuses = [200] * 40 + [503] * 20 + [500] * 10 + [0] * 5
    found = summary([Outcome(index, 0, 0, 0.1, one) for index, one in enumerate(statuses)])

    assert sweep.row(37.5, 2.0, found) == ["37.5", "20.0", "20", "15", "100", "100", "100"]


def test_a_wrong_answer_ends_the_sweep(monkeypatch, capsys):
    async def wrong(_number: int, _body: bytes) -> bytes:
        return answer_with(2, picture())

    with serving(wrong) as server:
        assert run(monkeypatch, server.url) == sweep.WRONG_ANSWER

    assert "2 faces instead of 1" in capsys.readouterr().err


def test_a_service_that_does_not_run_is_named(monkeypatch, capsys):
    assert run(monkeypatch, URL) == sweep.FAILED

    assert f"{URL} can't be measured" in capsys.readouterr().err


@pytest.mark.parametrize("options", [("--rates", "2,0"), ("--rates", "2;4"), ("--rates", "inf")])
def test_rates_that_are_none_are_refused(monkeypatch, capsys, options):
    with pytest.raises(SystemExit):
        run(monkeypatch, URL, *options)

    assert "--rates" in capsys.readouterr().err


def test_an_address_with_tls_is_refused(monkeypatch, capsys):
    with pytest.raises(SystemExit):
        run(monkeypatch, "https://example.org")

    assert "doesn't begin with http://" in capsys.readouterr().err
