import json

import pytest

from models.training.evaluation.read import ReportError, read_evaluation
from models.training.evaluation.write import write_report
from tests.models.training.evaluation.invented import evaluation


def test_what_was_written_is_read(tmp_path):
    write_report(evaluation(), tmp_path)

    assert read_evaluation(tmp_path) == evaluation()


def test_an_evaluation_of_pictures_is_read(scored, tmp_path):
    write_report(scored.result, tmp_path)

    assert read_evaluation(tmp_path) == scored.result


def test_a_folder_without_a_report_is_refused(tmp_path):
    with pytest.raises(ReportError, match=r"has no report\.json"):
        read_evaluation(tmp_path)


def without_scores(report):
    del report["scores"]


def without_a_field(report):
    del report["scores"]["pairs"][0]["view"]


def with_another_field(report):
    report["scores"]["pairs"][0]["hue"] = 1


def with_a_number_for_a_list(report):
    report["scores"]["pairs"] = 1


@pytest.mark.parametrize(
    "change", [without_scores, without_a_field, with_another_field, with_a_number_for_a_list]
)
def test_a_report_of_another_version_is_refused(tmp_path, change):
    write_report(evaluation(), tmp_path)
    path = tmp_path / "report.json"
    report = json.loads(path.read_text())
    change(report)
    path.write_text(json.dumps(report))

    with pytest.raises(ReportError, match=r"report\.json .*run `evaluate` again"):
        read_evaluation(tmp_path)


def test_a_damaged_report_is_refused(tmp_path):
    (tmp_path / "report.json").write_text('{"weights": ')

    with pytest.raises(ReportError, match="run `evaluate` again"):
        read_evaluation(tmp_path)
