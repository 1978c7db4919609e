from dataclasses import replace

import numpy as np
import pytest

from models.training.evaluation.comparison import compare_evaluations, comparison_table
from models.training.evaluation.goals import GOALS
from models.training.evaluation.pairs import FOUND
from models.training.evaluation.read import ReportError
from models.training.evaluation.report import summarize
from models.training.statistics import Estimate
from tests.models.training.evaluation.invented import IDS, evaluation, scenes

HIGHER, LOWER = "PSNR, dB", "landmark error / eye distance, hidden lips and jaw"


def rows(before, after):
    """The changes by metric; of several with one name, the first."""
    changes = reversed(compare_evaluations(before, after).changes)
    return {change.goal.what: change for change in changes}


def shifted(by, ids=IDS):
    """The evaluation, with the PSNR of these pictures `by` higher."""
    old = evaluation()
    pairs = [
        replace(s, marks={FOUND: replace(s.marks[FOUND], psnr=s.marks[FOUND].psnr + by)})
        if s.id in ids
        else s
        for s in old.pairs
    ]
    return replace(old, pairs=pairs)


def test_an_evaluation_does_not_differ_from_itself():
    comparison = compare_evaluations(evaluation(), evaluation())

    assert len(comparison.changes) == len(GOALS)
    for change in comparison.changes:
        assert change.before == change.after
        assert change.difference == Estimate(0, 0, 0)
        assert change.verdict == "within the noise"
    assert comparison.pictures == []
    assert "None changed." in comparison_table(comparison)


@pytest.mark.parametrize("goal", [goal for goal in GOALS if goal.scores])
def test_the_scores_of_a_goal_are_those_of_what_its_report_has_measured(goal):
    found = evaluation()

    scores = goal.scores(found)

    over = np.average if goal.over == "mean" else np.median
    weights = [goal.weights(found)[name] for name in scores] if goal.weights else None
    value = over([*scores.values()], **{"weights": weights} if weights else {})
    assert value == pytest.approx(goal.value(summarize(found)))


def test_a_small_gain_on_all_pictures_is_seen_although_the_intervals_of_the_means_overlap():
    before, after = evaluation(), shifted(0.01)
    old, new = (summarize(one).whole.marks[FOUND]["psnr"] for one in (before, after))
    assert old.low < new.value < old.high

    change = rows(before, after)[HIGHER]

    assert change.verdict == "better"
    assert change.difference.value == pytest.approx(0.01)
    assert change.difference.high - change.difference.low < 1e-6


def test_a_loss_is_worse():
    assert rows(evaluation(), shifted(-0.01))[HIGHER].verdict == "worse"


def test_what_one_picture_of_many_gains_is_within_the_noise():
    change = rows(evaluation(), shifted(1.0, ids=IDS[:1]))[HIGHER]

    assert change.difference.value == pytest.approx(1 / len(IDS))
    assert change.verdict == "within the noise"


def test_an_error_that_falls_is_better():
    before = evaluation()
    pairs = [
        replace(s, landmarks={name: 0.9 * error for name, error in s.landmarks.items()})
        for s in before.pairs
    ]

    change = rows(before, replace(before, pairs=pairs))[LOWER]

    assert change.difference.high < 0
    assert change.verdict == "better"


def test_the_recall_changes_by_the_share_of_faces_that_more_are_found():
    before = evaluation(scenes=scenes({"a": (0, 1), "b": (3, 3), "c": (1, 4)}))
    after = evaluation(scenes=scenes({"a": (1, 1), "b": (3, 3), "c": (3, 4)}))

    comparison = compare_evaluations(before, after)

    (change,) = [change for change in comparison.changes if change.goal.on == "scenes"]
    assert change.difference.value == pytest.approx(3 / 8)
    assert change.difference.value == pytest.approx(change.after - change.before)
    assert {(own.id, own.before, own.after) for own in comparison.pictures} == {
        ("a", 0, 1),
        ("c", 0.25, 0.75),
    }


def test_the_sharpness_changes_by_the_median_of_the_differences():
    before = evaluation(ids=IDS[:3])
    pairs = [
        replace(s, marks={FOUND: replace(s.marks[FOUND], sharpness=s.marks[FOUND].sharpness + by)})
        for s, by in zip(before.pairs, (1.0, 2.0, 30.0), strict=True)
    ]

    change = rows(before, replace(before, pairs=pairs))["sharpness"]

    assert change.difference.value == pytest.approx(2)


def test_the_work_of_the_nets_is_exact():
    changed = evaluation(compute={"crop": 1.3, "mask": 0.9})

    change = rows(evaluation(), changed)["GMAC of a face, all but the detector"]

    assert (change.verdict, change.pictures) == ("better", 0)
    assert "| 1.00 | 0.90 | -0.10 |  | better |" in comparison_table(
        compare_evaluations(evaluation(), changed)
    )


def test_only_pictures_that_both_scored_count():
    before = evaluation()
    pairs = [replace(s, landmarks={}) if s.id == "03" else s for s in before.pairs]
    after = replace(before, pairs=pairs)

    change = rows(before, after)[LOWER]

    assert change.pictures == len(IDS) - 1
    assert change.difference == Estimate(0, 0, 0)


def test_what_one_of_the_two_did_not_measure_is_said():
    before, after = evaluation(judge=None, scenes=None), evaluation()

    comparison = compare_evaluations(before, after)

    unknown = [change for change in comparison.changes if change.before is None]
    assert len(unknown) == 2
    assert all((c.difference, c.verdict) == (None, "") for c in unknown)
    assert comparison_table(comparison).count("| not measured |") == 2


def test_rare_pictures_that_neither_measured_have_no_row():
    without = evaluation(swaps=[], large=[])

    changes = compare_evaluations(without, without).changes

    assert {change.goal.on for change in changes}.isdisjoint({"swaps", "large faces"})


def test_the_pictures_that_changed_most_are_named_once_each():
    before = evaluation()
    after = shifted(5.0, ids=("07",))
    after = replace(after, pairs=[replace(s, iou=-1.0) if s.id == "05" else s for s in after.pairs])

    first, second = compare_evaluations(before, after).pictures

    assert (first.id, first.goal.what, second.id, second.goal.what) == (
        "07",
        HIGHER,
        "05",
        "mask IoU",
    )
    assert first.after == pytest.approx(first.before + 5)


def test_at_most_ten_pictures_are_named():
    assert len(compare_evaluations(evaluation(), shifted(0.1)).pictures) == 10


def test_different_pictures_are_refused_and_named():
    more = evaluation(ids=(*IDS, "77", "78", "79", "80"))

    with pytest.raises(ReportError, match=r"different pictures: 77, 78, 79 and 1 more"):
        compare_evaluations(evaluation(), more)


def test_other_pictures_of_the_same_names_are_refused():
    before = evaluation()
    masks = {**before.digests["real masks"], "03": "d4"}
    after = replace(before, digests={**before.digests, "real masks": masks})

    with pytest.raises(ReportError, match=r"different real masks: 03\."):
        compare_evaluations(before, after)


def test_another_judge_is_refused():
    with pytest.raises(ReportError, match="judge a1, the other b2"):
        compare_evaluations(evaluation(judge="a1"), evaluation(judge="b2"))


def test_the_text_names_both_weights_and_each_metric():
    before, after = evaluation(), replace(shifted(0.01), weights="newer")

    text = comparison_table(compare_evaluations(before, after))

    assert text.startswith("# Weights tiny (before) and newer (after)")
    for goal in GOALS:
        assert f"| {goal.what} | {goal.on} |" in text
    assert f"| +0.01 (+0.01 to +0.01) | {len(IDS)} | better |" in text
