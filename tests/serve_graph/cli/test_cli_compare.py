from dataclasses import replace

import pytest

from models.training.evaluation.write import write_report
from tests.models.training.evaluation.invented import evaluation


@pytest.fixture
def compare(command, tmp_path):
    """Compares two evaluations; None: a folder without a report."""

    def run(*evaluations):
        folders = [tmp_path / "before", tmp_path / "after"]
        for folder, own in zip(folders, evaluations, strict=True):
            folder.mkdir()
            if own:
                write_report(own, folder)
        return command("compare", *folders, weights=None)

    return run


def test_compare_prints_what_changed(compare):
    before = evaluation()
    pairs = [replace(score, iou=score.iou + 0.01) for score in before.pairs]

    result = compare(before, replace(before, pairs=pairs, weights="newer"))

    assert result.exit_code == 0, result.stderr
    assert result.stdout.startswith("# Weights tiny (before) and newer (after)\n")
    (iou, *others) = [line for line in result.stdout.splitlines() if line.startswith("| mask IoU")]
    assert iou.endswith("| +0.010 (+0.010 to +0.010) | 40 | better |")
    assert others[0].endswith("| within the noise |")


@pytest.mark.parametrize(
    ("after", "words"),
    [
        (None, "after has no report.json"),
        (evaluation(judge="b2"), "One has judge a1, the other b2"),
        (evaluation(ids=("00", "01")), "They scored different pictures: 02, 03, 04 and 35 more."),
    ],
)
def test_compare_says_in_a_line_why_it_cannot(compare, after, words):
    result = compare(evaluation(), after)

    assert result.exit_code == 1
    (line,) = result.stderr.splitlines()
    assert words in line
