import csv
import json

import numpy as np
import pytest

from models.training.crop.score import LabelledFace, StrayBox
from models.training.crop.verdicts import VerdictsError, read_verdicts
from models.training.evaluation.strays import words_of, write_missed, write_strays
from models.training.pictures import read_image, write_image


def stray(photo="one", face=None):
    return StrayBox(photo, (10.0, 20.0, 50.0, 70.0), 0.6, 0.1, face)


def missed_face(photo="one"):
    return LabelledFace(photo, (10.0, 20.0, 50.0, 70.0), 45.0, True, 0.3, 0.6)


def scenes(folder):
    write_image(folder / "scenes" / "one.png", np.full((100, 120, 3), 200, np.uint8))
    (folder / "scenes" / "boxes.json").write_text(json.dumps({"one.png": []}))
    return folder / "scenes"


def test_each_stray_box_is_listed_and_shown(tmp_path):
    write_strays(scenes(tmp_path), [stray()] * 81, tmp_path / "out", {})

    with (tmp_path / "out" / "strays.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 81
    assert rows[80]["index"] == "80"
    assert read_image(tmp_path / "out" / "strays_0.jpg").shape == (1280, 1600, 3)
    assert (tmp_path / "out" / "strays_1.jpg").exists()


def test_the_list_is_a_file_of_verdicts(tmp_path):
    boxes = [stray(face=True), stray(), stray(face=False)]
    write_strays(scenes(tmp_path), boxes, tmp_path / "out", {})

    verdicts = read_verdicts(tmp_path / "out" / "strays.csv")

    assert [verdict.face for verdict in verdicts] == [True, False]
    assert verdicts[0].box == boxes[0].box


def test_no_strays_are_an_empty_list(tmp_path):
    write_strays(scenes(tmp_path), [], tmp_path / "out", {})

    assert read_verdicts(tmp_path / "out" / "strays.csv") == []
    assert not (tmp_path / "out" / "strays_0.jpg").exists()


def listed(out):
    with (out / "strays.csv").open(newline="") as file:
        return [(row["index"], row["x0"], row["verdict"]) for row in csv.DictReader(file)]


def test_verdicts_of_an_earlier_list_stay_with_their_boxes_and_none_is_lost(tmp_path):
    out, moved = tmp_path / "out", StrayBox("one", (12.0, 20.0, 50.0, 70.0), 0.9, 0.1, None)
    write_strays(scenes(tmp_path), [stray(), moved], out, {})
    text = (out / "strays.csv").read_text().replace("70.0,,", "70.0,face,")
    (out / "strays.csv").write_text(text, encoding="utf-8-sig")  # as Excel saves it
    new = StrayBox("one", (30.0, 20.0, 50.0, 70.0), 0.9, 0.1, None)

    write_strays(tmp_path / "scenes", [new, moved], out, words_of(out))

    assert listed(out) == [("0", "30.0", ""), ("1", "12.0", "face"), ("", "10.0", "face")]
    assert len(read_verdicts(out / "strays.csv")) == 2


def test_without_an_earlier_list_there_are_no_verdicts(tmp_path):
    assert words_of(tmp_path) == {}


@pytest.mark.parametrize(
    "content", [b"index;photo\n0;one\n", b"\xff\xfe\x00", b"photo,verdict\na,face\n"]
)
def test_an_earlier_list_that_cant_be_read_is_refused(tmp_path, content):
    (tmp_path / "strays.csv").write_bytes(content)

    with pytest.raises(VerdictsError, match="move it"):
        words_of(tmp_path)


def test_at_most_twenty_missed_faces_are_drawn(tmp_path):
    write_missed(scenes(tmp_path), [missed_face()] * 21, tmp_path / "out")

    assert read_image(tmp_path / "out" / "sheet_missed.jpg").shape == (320, 1600, 3)


def test_a_missed_face_is_drawn_with_its_box_and_surroundings(tmp_path):
    write_missed(scenes(tmp_path), [missed_face()], tmp_path / "out")

    tile = read_image(tmp_path / "out" / "sheet_missed.jpg").astype(int)
    green = (tile[..., 1] > tile[..., 0] + 60) & (tile[..., 1] > tile[..., 2] + 60)
    y, x = np.nonzero(green)
    assert tile[80, 80].mean() > 100
    np.testing.assert_allclose((x.min(), x.max(), y.min(), y.max()), (53, 107, 47, 113), atol=3)


def test_a_large_face_in_a_fine_photo_is_drawn_smaller_without_taking_single_pixels(tmp_path):
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (1000, 1000, 1), dtype=np.uint8).repeat(3, axis=2)
    write_image(scenes(tmp_path) / "one.png", noise)
    face = LabelledFace("one", (300.0, 300.0, 700.0, 700.0), 400.0, True, 0.3, 0.6)

    write_missed(tmp_path / "scenes", [face], tmp_path / "out")

    tile = read_image(tmp_path / "out" / "sheet_missed.jpg")
    assert tile[50:110, 50:110].std() < 20  # 74 in the photo


def test_no_missed_faces_are_no_sheet(tmp_path):
    write_missed(scenes(tmp_path), [], tmp_path / "out")

    assert not (tmp_path / "out").exists()


def test_sheets_of_an_earlier_list_do_not_stay(tmp_path):
    source, out = scenes(tmp_path), tmp_path / "out"
    write_strays(source, [stray()] * 81, out, {})
    write_missed(source, [missed_face()], out)

    write_strays(source, [stray()], out, {})
    write_missed(source, [], out)

    assert [path.name for path in out.glob("*.jpg")] == ["strays_0.jpg"]
