import csv

from models.training.log import append_row


def test_a_column_that_joins_late_is_added_to_the_rows_before(tmp_path):
    append_row(tmp_path / "log.csv", {"step": 1, "l1": 0.5})
    append_row(tmp_path / "log.csv", {"step": 2, "l1": 0.4, "whole": 1.0})
    append_row(tmp_path / "log.csv", {"step": 3, "l1": 0.3})

    rows = list(csv.DictReader((tmp_path / "log.csv").open()))
    assert [row["step"] for row in rows] == ["1", "2", "3"]
    assert [row["whole"] for row in rows] == ["", "1.0", ""]
