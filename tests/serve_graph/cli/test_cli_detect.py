import csv
from dataclasses import replace
from io import StringIO

import pytest

from models import stages

pytestmark = pytest.mark.usefixtures("seeing")


def rows_of(text):
    return list(csv.DictReader(StringIO(text)))


def test_each_face_gets_a_row(command, photo, tmp_path):
    photo("a.png")
    photo("b.png", masked=False)
    photo("c.png", face=False)

    result = command("detect", tmp_path / "in", "--csv", tmp_path / "faces.csv")

    assert result.exit_code == 0, result.stderr
    masked, bare = rows_of((tmp_path / "faces.csv").read_text())
    assert (masked["file"], masked["face"], bare["file"]) == ("a.png", "0", "b.png")
    assert [float(masked[side]) for side in ("x0", "y0", "x1", "y1")] == [40, 30, 216, 230]
    assert float(masked["mask_probability"]) == pytest.approx(0.9)
    assert float(masked["coverage"]) == pytest.approx(90 * 120 / 256**2, abs=1e-4)
    assert float(bare["mask_probability"]) == pytest.approx(0.1)
    assert "c.png: no face" in result.stderr


def test_a_bad_file_leaves_the_rows_of_the_others(command, photo, tmp_path):
    folder = photo("good.png").parent
    (folder / "bad.png").write_bytes(b"no picture")

    result = command("detect", folder, "--csv", tmp_path / "faces.csv")

    assert result.exit_code == 1
    assert len(rows_of((tmp_path / "faces.csv").read_text())) == 1


def test_without_a_file_the_rows_go_to_standard_output(command, photo):
    result = command("detect", photo())

    assert rows_of(result.stdout)[0]["file"] == "photo.png"


def test_a_face_has_the_number_that_run_and_the_api_take(command, photo, monkeypatch):
    found = stages.detect_faces

    def with_a_doubtful_find_before(net, thumbs):
        return [[replace(faces[0], score=0.2), *faces] for faces in found(net, thumbs)]

    monkeypatch.setattr(stages, "detect_faces", with_a_doubtful_find_before)

    result = command("detect", photo())

    assert [row["face"] for row in rows_of(result.stdout)] == ["1"]


def test_faces_beyond_the_most_are_left_out_and_counted(command, photo, monkeypatch):
    found = stages.detect_faces
    monkeypatch.setattr(
        stages, "detect_faces", lambda net, thumbs: [3 * faces for faces in found(net, thumbs)]
    )

    result = command("detect", photo(), "--max-faces", 2)

    assert len(rows_of(result.stdout)) == 2
    assert "photo.png: 1 more face was left as it is" in result.stderr
