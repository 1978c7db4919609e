import json
import re
from dataclasses import replace

import pytest

from loadtest.bench.effort import FULL
from loadtest.bench.limit import EAGER, ONE_THREAD, InProcess, forms
from loadtest.bench.measure import Measured
from loadtest.bench.report import markdown
from loadtest.bench.results import Record, Results
from loadtest.bench.stages import StageTime
from loadtest.meter import Trial
from loadtest.open_loop import Outcome, summary


def run_of(latency_s: float):
    return summary([Outcome(index, 0, 0, latency_s, 200) for index in range(10)])


def record(system: str, good: float, round_: int = 0, workload: str = "W1", p50_s=0.1) -> Record:
    trial = Trial(good, good, True, run_of(0.3))
    over = Trial(2 * good, 0.9 * good, False, run_of(0.4))
    measured = Measured(run_of(p50_s), 1.2 * good, [trial], over)
    stages = [StageTime("inpaint", 1, 40, 43), StageTime("crop", 1, 20, 23)]
    return Record(system, workload, round_, measured, stages if system == "fused" else [])


def limits(faces_per_s: float) -> dict[str, dict[str, InProcess]]:
    found = {one.name: InProcess(faces_per_s / 2, 100.0, 90.0) for one in forms()}
    found[forms()[-1].name] = InProcess(faces_per_s, 110.0, 90.0)
    found[EAGER.name] = InProcess(99.0, 300.0, 270.0)
    return {"W1": found, "W3": found}


@pytest.fixture
def results() -> Results:
    rounds = [("fused", 9.0, 0), ("fused", 10.0, 1), ("fused", 8.0, 2), ("fastapi-eager", 2.0, 0)]
    records = [record(*one) for one in rounds]
    return Results("a machine", [limits(10), limits(10), limits(20)], records)


def test_the_limit_is_the_fastest_form_of_a_round_and_the_median_of_rounds(results):
    assert results.limit("W1") == 10
    assert results.limit("W1", 2) == 20


def test_efficiency_is_taken_within_each_round(results):
    assert results.efficiency("fused", "W1") == pytest.approx(0.9)  # of 0.9, 1.0 and 0.4


def test_a_process_that_was_slower_alone_than_beside_another_is_no_baseline(results):
    slow_minute = InProcess(5.0, 150.0, 90.0)  # 110 ms beside another process
    results.limits[0]["W1"][ONE_THREAD.name] = slow_minute

    assert results.alone_p50_ms("W1") == 100
    results.limits = results.limits[:1]
    assert results.alone_p50_ms("W1") == 110


def test_who_had_the_machine_in_a_slow_minute_is_compared_as_if_it_had_been_fast(results):
    results.set_paces("fused", "W1", 0, (0.78, 0.82))

    slow, other = results.records[0], results.records[1]
    assert slow.goodput == pytest.approx(9.0 / 0.8)
    assert slow.most == pytest.approx(1.2 * 9.0 / 0.8)
    assert slow.paced_p50_ms == pytest.approx(80)
    assert slow.overload_share == pytest.approx(0.9)  # both were measured in the same minutes
    assert other.goodput == 10.0
    row = "| fused | 9.00 | 1.00 | 10.00 | 1.00 | 100.0 | 1.00 |"  # medians of the three rounds
    assert row in markdown(results, FULL, "make bench")


def test_the_pace_of_another_workload_is_another(results):
    results.records.append(record("fused", 1.0, 0, "W3"))

    results.set_paces("fused", "W3", 0, (0.5, 0.5))

    assert [one.pace for one in results.records if one.round == 0 and one.system == "fused"] == [
        1.0,
        0.5,
    ]


def test_turns_in_which_the_machine_changed_its_speed_are_named(results):
    assert "Disturbed" not in markdown(results, FULL, "make bench")

    results.set_paces("fused", "W1", 1, (0.75, 1.0))

    text = markdown(results, FULL, "make bench")
    assert "- fused, W1, round 2: the pace went from 0.75 to 1.00" in text


def test_trials_whose_sender_was_late_are_named(results):
    late = Trial(8.0, 8.0, True, replace(run_of(0.3), late_p99_ms=120.0), is_late=True)
    results.records.append(Record("split", "W1", 0, Measured(run_of(0.1), 12.0, [late], None)))

    text = markdown(results, FULL, "make bench")
    assert "- split, W1, round 1: at 8.0 requests/s the sender was 120 ms late" in text


def test_the_peak_is_the_most_at_any_load_that_was_tried():
    best = Trial(8.0, 8.0, True, run_of(0.3))
    above = Trial(10.0, 9.6, False, run_of(0.6))

    def share(good: float) -> float:
        over = Trial(16.0, good, False, run_of(0.6))
        measured = Measured(run_of(0.1), 12.0, [best, above], over)
        return Record("fused", "W1", 0, measured).overload_share

    assert share(7.2) == pytest.approx(0.75)
    assert share(12.0) == 1.0


def test_the_report_says_how_it_can_be_had_again(results):
    text = markdown(results, FULL, "python -m loadtest.bench --rounds 3")

    assert "`python -m loadtest.bench --rounds 3`, 3 round(s), trials of 15 s and 50 req" in text


def test_a_workload_of_the_first_round_only_has_its_own_limit(results):
    del results.limits[1]["W3"], results.limits[2]["W3"]
    results.records.append(record("fused", 1.0, 0, "W3"))

    assert results.limit("W3") == 10
    assert results.efficiency("fused", "W3") == pytest.approx(0.6)


def test_goodput_of_six_faces_counts_faces():
    assert record("fused", 2.0, workload="W3").goodput == 12.0


def test_the_file_has_what_was_agreed_on_and_nothing_else(results, tmp_path):
    results.save(tmp_path)
    content = json.loads((tmp_path / "bench.json").read_text())

    assert content["W1"] == {
        "limit": 10,
        "systems": {
            "fused": {"goodput": 9.0, "p50_ms": 100.0, "p99_ms": 100.0},
            "fastapi-eager": {"goodput": 2.0, "p50_ms": 100.0, "p99_ms": 100.0},
        },
    }


def test_a_rate_that_never_held_is_no_goodput():
    lost = record("split", 5.0)
    failed = Trial(5.0, 4.0, False, run_of(9.0))
    lost = Record("split", "W1", 0, Measured(lost.measured.unloaded, 6.0, [failed], None))

    assert lost.goodput == 0


def test_the_report_says_what_was_met_and_what_was_not_measured(results):
    results.failures.append("bentoml, round 1: no network")
    text = markdown(results, FULL, "make bench")

    assert "| efficiency, fused | 0.90 | 0.90 | met |" in text
    assert "| efficiency, split | 0.80 | – | not measured |" in text
    assert "| goodput, ours / FastAPI in eager fp32 | 2.50 | 4.50 | met |" in text
    assert "| nets alone, eager fp32 / ours | 2.50 | 3.00 | met |" in text
    assert "bentoml, round 1: no network" in text
    assert "The largest: inpaint 43 ms, crop 23 ms." in text


def test_an_aim_counts_neither_as_a_goal_that_was_met_nor_as_one_that_was_missed(results):
    results.records.append(record("fastapi", 9.0))

    line = "| p99 at that goodput, ours / best peer (aim only) | 1.00 | 1.00 | aim met |"
    assert line in markdown(results, FULL, "make bench")


def test_only_the_main_workload_has_its_stages_in_a_table(results):
    results.records.append(record("fused", 1.0, workload="W3"))
    main, other = markdown(results, FULL, "make bench").split("### W3")

    assert "| inpaint | 1.0 | 40.0 | 2.0 | 43.0 |" in main
    assert "| inpaint |" not in other
    largest = "The largest (sums of 6 faces, which overlap): inpaint 43 ms, crop 23 ms."
    assert f"fused, one client. {largest}" in other


def test_each_workload_has_its_ceiling(results):
    assert len(re.findall(r"^Ceiling: [01]\.\d\d\.$", markdown(results, FULL, "x"), re.M)) == 2
