import dataclasses
import json
import math

from loadtest.chaos.cases import BACK, HELD_ANSWERED, HELD_ONLY
from loadtest.chaos.damage import Damage
from loadtest.chaos.report import Report, Row
from loadtest.chaos.run import Load

LOAD = Load(p50_ms=90.0, capacity=math.nan, rate=5.0)
FINE = Damage(100, 100, 0, 0, 0, -math.inf, -math.inf, 1.0, 0.0, 90.0, 200.0, [])
HURT = Damage(100, 97, 1, 2, 0, 3.0, 3.0, 8.0, math.inf, 90.0, 900.0, ["0 refused"])


def report(*rows: Row, failures: tuple[str, ...] = ()) -> Report:
    return Report("a machine", list(rows), list(failures))


def test_the_table_says_for_each_incident_whether_its_demand_was_met():
    rows = Row("first", BACK, LOAD, FINE), Row("second", HELD_ANSWERED, LOAD, HURT)
    text = report(*rows).markdown()
    first, second = (line for line in text.splitlines() if line.startswith(("| first", "| second")))

    assert first.endswith("| ok |")
    assert second.endswith("| missed |")
    assert "| 100 | 97 | 1 | 0 | 2 | 8.0 | not in time | 450 |" in second


def test_an_incident_after_which_nothing_is_sent_has_no_time_of_return():
    ended = dataclasses.replace(FINE, recovered_s=math.nan)

    assert "| 1.0 | – | 450 |" in report(Row("first", HELD_ANSWERED, LOAD, ended)).markdown()


def test_a_return_later_than_hoped_for_is_marked_and_still_meets_its_demand():
    late, early = (dataclasses.replace(FINE, recovered_s=seconds) for seconds in (16.6, 7.0))

    assert (
        "| 16.6 (not < 15) | 450 | only those"
        in report(Row("first", HELD_ONLY, LOAD, late)).markdown()
    )
    assert "| 7.0 | 450 | only those" in report(Row("first", HELD_ONLY, LOAD, early)).markdown()
    assert Row("first", HELD_ONLY, LOAD, late).is_met


def test_the_text_says_how_requests_were_lost():
    assert "- second: 0 refused" in report(Row("second", HELD_ANSWERED, LOAD, HURT)).markdown()


def test_a_row_whose_sender_was_late_is_named():
    late = dataclasses.replace(FINE, late_p99_ms=50.0)

    assert "- first: the sender was 50 ms late" in report(Row("first", BACK, LOAD, late)).markdown()
    assert "late" not in report(Row("first", BACK, LOAD, FINE)).markdown().partition("| first")[2]


def test_a_note_makes_a_demand_missed():
    assert not Row("update", HELD_ANSWERED, LOAD, FINE, ["the old version still answers"]).is_met


def test_a_kill_with_nothing_in_flight_measured_nothing():
    idle, busy = (
        Row("first", BACK, LOAD, dataclasses.replace(FINE, in_flight=count)) for count in (0, 7)
    )

    assert not report(idle).all_met
    assert report(busy).all_met
    assert "| first | 5.0 | 0 | 100 |" in report(idle).markdown()
    assert "| not measured |" in report(idle).markdown()
    assert "| first | 5.0 | 7 | 100 |" in report(busy).markdown()


def test_where_nothing_is_killed_nothing_has_to_be_in_flight():
    assert "| first | 5.0 | – | 100 |" in report(Row("first", BACK, LOAD, FINE)).markdown()


def test_what_could_not_be_measured_is_not_met():
    assert report(Row("first", BACK, LOAD, FINE)).all_met
    assert not report(Row("first", BACK, LOAD, FINE), failures=("second: absent",)).all_met


def test_the_file_is_json_though_some_numbers_are_endless(tmp_path):
    report(Row("second", HELD_ANSWERED, LOAD, HURT)).save(tmp_path)
    content = json.loads((tmp_path / "chaos.json").read_text())

    found = content["incidents"]["second"]
    assert (found["lost"], found["recovered_s"], found["met"]) == (2, None, False)
