import numpy as np
import pytest

from models.training.crop.verdicts import Verdict, VerdictsError, is_face, read_verdicts

BOX = np.array([10, 10, 30, 30], np.float32)


def write(folder, *rows):
    path = folder / "verdicts.csv"
    path.write_text("\n".join(["photo,x0,y0,x1,y1,verdict,score", *rows]) + "\n")
    return path


def test_verdicts_are_read_and_open_rows_left_out(tmp_path):
    path = write(tmp_path, "a,1,2,3,4,face,0.9", "a,5,6,7,8,,0.8", "b,1,2,3,4,false,0.7")

    assert read_verdicts(path) == [
        Verdict("a", (1, 2, 3, 4), True),
        Verdict("b", (1, 2, 3, 4), False),
    ]


def test_verdicts_are_read_as_excel_saves_them(tmp_path):
    path = write(tmp_path, "a,1,2,3,4,Face,0.9", "b,1,2,3,4,FALSE,0.7")
    path.write_text(path.read_text(), encoding="utf-8-sig")

    assert [(verdict.photo, verdict.face) for verdict in read_verdicts(path)] == [
        ("a", True),
        ("b", False),
    ]


@pytest.mark.parametrize("row", ["a,1,2,3,4,maybe,0", "a,1,2,three,4,face,0"])
def test_a_row_that_says_nothing_clear_is_refused(tmp_path, row):
    with pytest.raises(VerdictsError, match="'face' or 'false'"):
        read_verdicts(write(tmp_path, row))


def test_a_file_without_the_columns_is_refused(tmp_path):
    (tmp_path / "other.csv").write_text("name,x0\n")

    with pytest.raises(VerdictsError, match="photo"):
        read_verdicts(tmp_path / "other.csv")


def test_a_verdict_holds_for_a_box_that_moved_a_little():
    verdicts = [Verdict("a", (12, 11, 33, 31), True), Verdict("a", (80, 80, 99, 99), False)]

    assert is_face("a", BOX, verdicts) is True


@pytest.mark.parametrize(
    "verdict", [Verdict("b", (10, 10, 30, 30), True), Verdict("a", (25, 25, 45, 45), True)]
)
def test_a_verdict_on_another_photo_or_place_says_nothing(verdict):
    assert is_face("a", BOX, [verdict]) is None
