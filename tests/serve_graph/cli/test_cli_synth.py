import csv
import zipfile

import numpy as np
import pytest
from PIL import Image as PilImage

from models import stages
from models.training.evaluation.folder import read_landmarks, read_pairs

pytestmark = pytest.mark.usefixtures("seeing")


def pixels_of(path):
    with PilImage.open(path) as picture:
        return np.asarray(picture.convert("RGB"))


def rows_of(folder):
    return list(csv.DictReader((folder / "index.csv").open()))


@pytest.fixture
def labelled(tmp_path):
    """A zip of three pictures with the landmarks of their faces."""
    folder = tmp_path / "some"
    folder.mkdir()
    rng = np.random.default_rng(0)
    points = rng.uniform(60, 200, (3, 68, 2)).astype(np.float32)
    points[:, 36:42], points[:, 42:48] = (88, 86), (168, 86)
    points[:, 30], points[:, 48], points[:, 54] = (128, 130), (95, 168), (161, 168)
    np.savez(folder / "labels.npz", name=["a", "b", "c"], landmarks=points)
    for name in "abc":
        PilImage.new("RGB", (256, 256), (200, 150, 130)).save(folder / f"{name}.webp")
    with zipfile.ZipFile(tmp_path / "some.zip", "w") as archive:
        for path in folder.iterdir():
            archive.write(path, path.name)
    return tmp_path / "some.zip"


def test_labelled_pictures_become_triples_of_the_wanted_kind(command, labelled, tmp_path):
    result = command("synth", labelled, tmp_path / "out", "--kind", "kf94", "--limit", 2)

    assert result.exit_code == 0, result.stderr
    assert [row["mask_kind"] for row in rows_of(tmp_path / "out")] == ["kf94", "kf94"]
    for case in read_pairs(tmp_path / "out"):
        changed = (pixels_of(case.photo) != pixels_of(case.truth)).any(axis=2)
        mask = pixels_of(case.mask)[..., 0] > 127
        assert changed[mask].mean() > 0.95


def test_labels_become_the_truth_of_the_landmarks(command, labelled, tmp_path):
    command("synth", labelled, tmp_path / "out")

    assert set(read_landmarks(tmp_path / "out")) == {"a", "b", "c"}


def test_points_that_label_guessed_do_not(command, photo, tmp_path):
    folder = photo("bare.png", masked=False).parent
    command("label", folder, tmp_path / "mine")

    result = command("synth", tmp_path / "mine", tmp_path / "out")

    assert result.exit_code == 0, result.stderr
    assert [row["id"] for row in rows_of(tmp_path / "out")] == ["bare.png"]
    assert not (tmp_path / "out" / "landmarks.npz").exists()


def test_the_same_seed_draws_the_same_triples(command, labelled, tmp_path):
    for name, seed in (("one", 1), ("again", 1), ("other", 2)):
        command("synth", labelled, tmp_path / name, "--seed", seed, "--limit", 1)

    one, again, other = (
        pixels_of(next((tmp_path / name / "masked").iterdir()))
        for name in ("one", "again", "other")
    )
    assert (one == again).all()
    assert (one != other).any()


def test_faces_of_plain_photos_are_found_and_masked_ones_left_out(command, photo, tmp_path):
    folder = photo("bare.png", masked=False).parent
    photo("masked.png")

    result = command("synth", folder, tmp_path / "out")

    assert result.exit_code == 0, result.stderr
    assert "masked.png left out: a face wears a mask already" in result.stderr
    assert [row["id"] for row in rows_of(tmp_path / "out")] == ["bare"]


def test_group_photos_are_left_out(command, photo, tmp_path, monkeypatch):
    """`evaluate` edits one face of a picture, so masks on the others would count as its misses."""
    found = stages.detect_faces
    monkeypatch.setattr(
        stages,
        "detect_faces",
        lambda net, thumbs: [
            faces * (1 if thumb[-1, -1].any() else 2)
            for thumb, faces in zip(thumbs, found(net, thumbs), strict=True)
        ],
    )
    folder = photo("one.png", masked=False).parent
    with PilImage.open(folder / "one.png") as picture:
        picture.putpixel((picture.width - 1, picture.height - 1), (0, 0, 0))
        picture.save(folder / "two.png")

    result = command("synth", folder, tmp_path / "out")

    assert result.exit_code == 0, result.stderr
    assert "two.png left out: it shows 2 faces, and evaluate scores one." in result.stderr
    assert [row["id"] for row in rows_of(tmp_path / "out")] == ["one"]


def test_a_sheet_of_kinds_can_be_had_too(command, labelled, tmp_path):
    sheet = tmp_path / "kinds.png"
    command("synth", labelled, tmp_path / "out", "--kind", "kf94", "--sheet", sheet)

    assert pixels_of(sheet).shape == (256, 3 * 256, 3)


def test_photos_without_a_bare_face_are_an_error(command, photo, tmp_path):
    result = command("synth", photo().parent, tmp_path / "out")

    assert result.exit_code == 1
    assert "no bare face" in result.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--kind", "burqa"), "none of surgical_blue"),
        (("--seed", -1), "'--seed'"),
        ((), "holds triples already"),
    ],
)
def test_wrong_use_says_what_is_wrong(command, labelled, tmp_path, words, message):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "index.csv").touch()

    result = command("synth", labelled, tmp_path / "out", *words)

    assert result.exit_code == 2
    assert message in result.stderr


def test_a_folder_of_zips_is_told_to_name_one(command, labelled, tmp_path):
    result = command("synth", labelled.parent, tmp_path / "out")

    assert result.exit_code == 2
    assert "some.zip" in result.stderr


def test_a_zip_without_labels_is_refused(command, tmp_path):
    zipfile.ZipFile(tmp_path / "plain.zip", "w").close()

    result = command("synth", tmp_path / "plain.zip", tmp_path / "out")

    assert result.exit_code == 1
    assert "labels.npz" in result.stderr


@pytest.mark.parametrize("name", ["set.v2", "set.v2.zip"])
def test_a_source_keeps_its_whole_name_and_may_be_a_link(command, labelled, tmp_path, name):
    blob = labelled if name.endswith(".zip") else tmp_path / "some"
    (tmp_path / "faces").mkdir()
    (tmp_path / "faces" / name).symlink_to(blob)

    result = command("synth", tmp_path / "faces" / name, tmp_path / "out", "--limit", 1)

    assert result.exit_code == 0, result.stderr
    assert [row["source"] for row in rows_of(tmp_path / "out")] == ["set.v2"]


def test_a_folder_whose_zip_would_be_read_instead_is_refused(command, labelled, tmp_path):
    result = command("synth", tmp_path / "some", tmp_path / "out")

    assert result.exit_code == 2
    assert f"{labelled} would be read, not {tmp_path / 'some'}" in result.stderr
