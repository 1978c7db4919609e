import csv

import pytest

from models.training.log import append_row, cut_rows


def test_a_column_that_joins_late_is_added_to_the_rows_before(tmp_path):
    append_row(tmp_path / "log.csv", {"step": 1, "l1": 0.5})
    append_row(tmp_path / "log.csv", {"step": 2, "l1": 0.4, "whole": 1.0})
    append_row(tmp_path / "log.csv", {"step": 3, "l1": 0.3})

    rows = list(csv.DictReader((tmp_path / "log.csv").open()))
    assert [row["step"] for row in rows] == ["1", "2", "3"]
    assert [row["whole"] for row in rows] == ["", "1.0", ""]


def test_rows_after_the_checkpoint_are_dropped(tmp_path):
    for step in (2, 4, 6):
        append_row(tmp_path / "log.csv", {"step": step, "l1": 0.5})

    cut_rows(tmp_path / "log.csv", 4)
    append_row(tmp_path / "log.csv", {"step": 6, "l1": 0.3})

    with (tmp_path / "log.csv").open() as file:
        assert [row["step"] for row in csv.DictReader(file)] == ["2", "4", "6"]


def test_a_run_without_a_log_has_no_rows_to_drop(tmp_path):
    cut_rows(tmp_path / "log.csv", 4)

    assert not (tmp_path / "log.csv").exists()


class Unwritable:
    def __str__(self):
        raise OSError("No space left on device")


def test_a_log_that_cannot_be_written_anew_is_as_it_was(tmp_path):
    append_row(tmp_path / "log.csv", {"step": 1, "l1": 0.5})
    before = (tmp_path / "log.csv").read_bytes()

    with pytest.raises(OSError, match="No space"):
        append_row(tmp_path / "log.csv", {"step": 2, "whole": Unwritable()})

    assert (tmp_path / "log.csv").read_bytes() == before
