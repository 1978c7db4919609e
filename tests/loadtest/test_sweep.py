import base64
import csv
import json
import re

import pytest

from loadtest import sweep
from loadtest.meter import Trial
from loadtest.open_loop import Outcome, summary
from tests.loadtest.doubles import OneByOne, answer_with, picture, workload
from tests.loadtest.small_server import raw, serving

URL = "http://127.0.0.1:9"  # nobody answers there
MOST = 50  # requests/s of the service
BUSY_P99_MS = 5000.0  # of a real server on a busy machine
KEY = "s3cr3t"


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


@pytest.mark.usefixtures("service")
def test_answers_of_a_queue_that_empties_after_the_last_request_are_no_higher_rate(
    monkeypatch, capsys
):
    run(monkeypatch, URL, "--rates", "120")
    (beyond,) = rows(capsys.readouterr().out)

    assert float(beyond[1]) == pytest.approx(MOST, rel=0.05)


def test_what_is_refused_and_what_fails_are_counted_apart():
    statuses = [200] * 40 + [503] * 20 + [500] * 10 + [0] * 5
    found = summary([Outcome(index, 0, 0, 0.1, one) for index, one in enumerate(statuses)])

    trial = Trial(37.5, 20.0, False, found, answered=20.0)
    assert sweep.row(trial) == ["37.5", "20.0", "20", "15", "100", "100", "100"]


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


@pytest.mark.parametrize("url", ["example.org", "ftp://example.org", "https://a:b@example.org"])
def test_what_is_no_address_is_refused(monkeypatch, capsys, url):
    with pytest.raises(SystemExit):
        run(monkeypatch, url)

    assert "not http(s)://host[:port][/path]" in capsys.readouterr().err


@pytest.fixture
def proxy(certificate, monkeypatch):
    """A proxy with TLS and a log-in, with the service behind it at /unmasking."""

    async def behaviour(number: int, _body: bytes) -> bytes:
        if f"Authorization: Bearer {KEY}\r\n" not in server.heads[number]:
            return raw(401, b'{"detail": "Send your key."}')
        return answer_with(1, picture())

    monkeypatch.setattr(sweep, "MAX_P99_MS", BUSY_P99_MS)
    with serving(behaviour, certificate) as server:
        yield server


def test_a_service_behind_a_proxy_with_tls_and_a_log_in_is_reached(proxy, monkeypatch, capsys):
    monkeypatch.setenv("HEADER", f"Authorization: Bearer {KEY}")

    assert run(monkeypatch, f"{proxy.url}/unmasking/", "--rates", "20") == 0

    first_line, host = "POST /unmasking/v1/unmask HTTP/1.1", proxy.url.removeprefix("https://")
    assert {head.split("\r\n")[0] for head in proxy.heads} == {first_line}
    assert all(head.split("\r\n")[1] == f"Host: {host}" for head in proxy.heads)
    said = capsys.readouterr()
    assert KEY not in said.out + said.err


def test_a_wrong_key_is_named_before_the_load(proxy, monkeypatch, capsys):
    assert run(monkeypatch, proxy.url, "--header", "Authorization: Bearer 0th3r") == sweep.FAILED

    said = capsys.readouterr().err
    assert "status 401 (is HEADER right?): Send your key." in said
    assert "0th3r" not in said
    assert proxy.requests == 1


@pytest.mark.parametrize("header", [KEY, f"Key: {KEY}\r\nOther: x", f"Schlüssel: {KEY}", "Key: "])
def test_what_is_no_header_is_refused_and_not_repeated(monkeypatch, capsys, header):
    with pytest.raises(SystemExit):
        run(monkeypatch, URL, "--header", header)

    said = capsys.readouterr().err
    assert "a header looks like 'Authorization: Bearer KEY'" in said
    assert KEY not in said


def test_a_page_instead_of_an_answer_is_none_of_this_service(monkeypatch, capsys):
    async def page(_number: int, _body: bytes) -> bytes:
        return raw(body=b"<html>Log in")

    with serving(page) as server:
        assert run(monkeypatch, server.url) == sweep.WRONG_ANSWER

    assert "not an answer of this service: b'<html>Log in'" in capsys.readouterr().err


def seen(photo: bytes, changed: list[bool]) -> bytes:
    """What the service answers to a photo of 64 x 64 px: the same, with these faces."""
    return json.dumps(
        {
            "width": 64,
            "height": 64,
            "faces": [{"changed": one} for one in changed],
            "painted": {"base64": base64.b64encode(photo).decode()},
            "swapped": None,
        }
    ).encode()


PHOTOS = {seed: picture(seed=seed) for seed in range(3)}


@pytest.fixture
def looker(monkeypatch):
    """A service that finds one, three or no masked faces in the photos above."""
    faces = {0: [True, False], 1: [True] * 3, 2: [False]}

    async def behaviour(number: int, body: bytes) -> bytes:
        for seed, photo in PHOTOS.items():
            if photo in body and "Accept: application/json" in server.heads[number]:
                return raw(body=seen(photo, faces[seed]))
            if photo in body:
                return answer_with(sum(faces[seed]), photo)
        return raw(415, b'{"detail": "Not a picture."}')

    monkeypatch.setattr(sweep, "MAX_P99_MS", BUSY_P99_MS)
    with serving(behaviour) as server:
        yield server


def test_photos_of_ones_own_are_sent_in_turn_and_the_table_is_kept(
    looker, monkeypatch, capsys, tmp_path
):
    folder, table = tmp_path / "own", tmp_path / "table.csv"
    folder.mkdir()
    for seed in (0, 1):
        (folder / f"{seed}.png").write_bytes(PHOTOS[seed])
    (folder / ".hidden").write_text("no photo")
    options = ["--photos", str(folder), "--csv", str(table), "--rates", "20,30"]

    assert run(monkeypatch, looker.url, *options) == 0

    said = capsys.readouterr().out
    assert said.startswith(f"2 photos of {folder}; a lone client: p50 ")
    head, *kept = csv.reader(table.read_text().splitlines())
    assert head == list(sweep._HEAD)
    assert kept == rows(said)
    assert [row[0] for row in kept] == ["20.0", "30.0"]


def test_all_photos_that_cannot_be_used_are_named(looker, monkeypatch, capsys, tmp_path):
    for seed, photo in PHOTOS.items():
        (tmp_path / f"{seed}.png").write_bytes(photo)
    (tmp_path / "notes.txt").write_text("no photo")

    assert run(monkeypatch, looker.url, "--photos", str(tmp_path)) == sweep.FAILED

    said = capsys.readouterr().err.splitlines()
    assert said[1:] == [
        "2.png: nobody in it wears a mask",
        "notes.txt: status 415: Not a picture.",
    ]


def test_an_empty_folder_and_a_table_that_cannot_be_written_are_refused(
    monkeypatch, capsys, tmp_path
):
    assert run(monkeypatch, URL, "--photos", str(tmp_path)) == sweep.FAILED
    assert f"{tmp_path} has no photos" in capsys.readouterr().err

    with pytest.raises(SystemExit):
        run(monkeypatch, URL, "--csv", str(tmp_path / "absent" / "table.csv"))
    assert "No such file or directory" in capsys.readouterr().err
