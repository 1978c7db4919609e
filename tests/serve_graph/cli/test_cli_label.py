import numpy as np
import pytest

from models.training.frames import load_faces, read_source
from models.training.label import KEPT_PX

pytestmark = pytest.mark.usefixtures("seeing")


def test_the_faces_of_photos_become_a_source_of_training(command, photo, tmp_path):
    folder = photo("one.png", masked=False).parent
    photo("two.jpg", masked=False)

    result = command("label", folder, tmp_path / "data" / "mine")

    assert result.exit_code == 0, result.stderr
    faces = list(read_source(tmp_path / "data", "mine"))
    assert [face.name for face in faces] == ["one.png", "two.jpg"]
    for face in faces:
        assert face.image.shape == (KEPT_PX, KEPT_PX, 3)
        assert face.landmarks.shape == (68, 2)
        assert ((face.landmarks > 0) & (face.landmarks < KEPT_PX)).all()
    assert len(load_faces(tmp_path / "data", ["mine"], tmp_path / "cache")) == 2


def test_the_points_are_marked_as_guesses(command, photo, tmp_path):
    command("label", photo("one.png", masked=False).parent, tmp_path / "out")

    assert np.load(tmp_path / "out" / "labels.npz")["guessed"]


@pytest.mark.parametrize(("words", "kept"), [((), "bare.png"), (("--masked",), "masked.png")])
def test_bare_or_masked_faces_are_kept(command, photo, tmp_path, words, kept):
    folder = photo("bare.png", masked=False).parent
    photo("masked.png")

    result = command("label", folder, tmp_path / "out", *words)

    assert result.exit_code == 0, result.stderr
    assert np.load(tmp_path / "out" / "labels.npz")["name"].tolist() == [kept]
    assert [path.stem for path in (tmp_path / "out").glob("*.webp")] == [kept]


def test_photos_of_one_name_keep_both_faces(command, photo, tmp_path):
    folder = photo("one.jpg", masked=False).parent
    photo("one.png", masked=False)

    command("label", folder, tmp_path / "out")

    assert np.load(tmp_path / "out" / "labels.npz")["name"].tolist() == ["one.jpg", "one.png"]


def test_a_bad_photo_is_named_and_the_others_are_kept(command, photo, tmp_path):
    folder = photo("good.png", masked=False).parent
    (folder / "bad.png").write_bytes(b"no picture")

    result = command("label", folder, tmp_path / "out")

    assert result.exit_code == 1
    assert "bad.png" in result.stderr
    assert np.load(tmp_path / "out" / "labels.npz")["name"].tolist() == ["good.png"]


def test_photos_without_such_a_face_are_an_error(command, photo, tmp_path):
    folder = photo("bare.png", masked=False).parent
    photo("nobody.png", face=False)

    result = command("label", folder, tmp_path / "out", "--masked")

    assert result.exit_code == 1
    assert "no masked face" in result.stderr


def test_faces_of_an_earlier_call_are_not_overwritten(command, photo, tmp_path):
    folder = photo("bare.png", masked=False).parent
    command("label", folder, tmp_path / "out")

    result = command("label", folder, tmp_path / "out")

    assert result.exit_code == 2
    assert "holds faces already" in result.stderr
