import errno
import os
import shutil
import threading
import zipfile
from contextlib import nullcontext

import cv2
import numpy as np
import pytest

from models.crop.frame import FRAME_PX
from models.training.frames import STORE_PX, load_faces, store_path
from models.training.sources import SourceError, read_source


def test_faces_are_read_from_a_zip_or_a_folder_and_cached(data, tmp_path):
    faces = load_faces(data, ["some"], tmp_path / "cache")
    for picture in (data / "some").glob("*.webp"):  # they aren't read again
        picture.unlink()
    again = load_faces(data, ["some"], tmp_path / "cache")

    assert len(faces) == len(again) == 2
    assert faces[0][0].shape == (STORE_PX, STORE_PX, 3)
    np.testing.assert_array_equal(again[1][0], faces[1][0])


@pytest.mark.parametrize("data", ["folder"], indirect=True)
def test_cut_faces_outlive_a_source_whose_labels_are_beside_it(data, landmarks, tmp_path):
    np.savez(data / "some_landmarks.npz", name=["a", "b"], landmarks=[landmarks] * 2)
    load_faces(data, ["some"], tmp_path / "cache")
    shutil.rmtree(data / "some")

    assert len(load_faces(data, ["some"], tmp_path / "cache")) == 2


def test_faces_are_cut_again_when_a_picture_has_changed(data, tmp_path):
    before = load_faces(data, ["some"], tmp_path / "cache")
    masks = store_path(data, ["some"], tmp_path / "cache").name + "_masks_0.npz"
    (tmp_path / "cache" / masks).touch()
    shown = before[1][0].copy()
    paint = cv2.imencode(".webp", np.full((FRAME_PX, FRAME_PX, 3), 90, np.uint8))[1].tobytes()
    if (data / "some.zip").exists():
        with zipfile.ZipFile(data / "some.zip") as archive:
            files = {name: archive.read(name) for name in archive.namelist()}
        with zipfile.ZipFile(data / "some.zip", "w") as archive:
            for name, content in (files | {"b.webp": paint}).items():
                archive.writestr(name, content)
    else:
        (data / "some" / "b.webp").write_bytes(paint)

    after = load_faces(data, ["some"], tmp_path / "cache")

    assert not (tmp_path / "cache" / masks).exists()
    assert abs(after[1][0].astype(int) - 90).max() < 5
    np.testing.assert_array_equal(after[0][0], before[0][0])
    np.testing.assert_array_equal(before[1][0], shown)  # a training that runs keeps its faces


@pytest.mark.parametrize("data", ["folder"], indirect=True)
def test_labels_of_earlier_masks_go_whatever_the_name_of_their_source(data, tmp_path):
    folder = (data / "some").rename(data / "some[1]")
    load_faces(data, ["some[1]"], tmp_path / "cache")
    kept = store_path(data, ["some[1]"], tmp_path / "cache")
    masks = kept.with_name(f"{kept.name}_masks_0.npz")
    masks.touch()
    (folder / "b.webp").write_bytes((folder / "b.webp").read_bytes() + b"changed")

    load_faces(data, ["some[1]"], tmp_path / "cache")

    assert not masks.exists()


@pytest.mark.parametrize("size", [0, 50])
@pytest.mark.parametrize("data", ["folder"], indirect=True)
def test_a_cut_off_picture_is_named(data, tmp_path, size):
    path = data / "some" / "b.webp"
    path.write_bytes(path.read_bytes()[:size])

    with pytest.raises(SourceError, match=r"some/b\.webp is no picture"):
        load_faces(data, ["some"], tmp_path / "cache")


def test_a_landmark_that_is_no_number_is_named_before_any_face_is_cut(picture, landmarks, tmp_path):
    folder = tmp_path / "mine"
    folder.mkdir()
    cv2.imwrite(str(folder / "a.webp"), picture)
    unsure = landmarks.copy()
    unsure[5, 1] = np.nan
    np.savez(folder / "labels.npz", name=["a", "b"], landmarks=np.stack([landmarks, unsure]))

    with pytest.raises(SourceError, match="landmarks of b in mine are no numbers"):
        load_faces(tmp_path, ["mine"], tmp_path / "cache")
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize("killed", [False, True])
@pytest.mark.parametrize("data", ["folder"], indirect=True)
def test_two_trainings_that_cut_the_same_faces_both_see_them_all(
    data, tmp_path, monkeypatch, killed
):
    begun, out = [], {}

    def read(folder, source, limit=None):
        begun.append(None)
        for row, picture in enumerate(read_source(folder, source, limit)):
            if row == 1 and len(begun) == 1:  # halfway, another load begins
                second.start()
                second.join(timeout=0.5)
                if killed:
                    raise KeyboardInterrupt
            yield picture

    def load(name):
        out[name] = np.array(load_faces(data, ["some"], tmp_path / "cache").images)

    second = threading.Thread(target=load, args=("second",))
    monkeypatch.setattr("models.training.frames.read_source", read)
    with pytest.raises(KeyboardInterrupt) if killed else nullcontext():
        load("first")
    second.join()

    assert len(begun) == 1 + killed
    assert len(out) == 2 - killed
    for images in out.values():
        assert images.any(axis=(1, 2, 3)).all()


def test_faces_that_were_labelled_anew_are_cut_anew(picture, landmarks, tmp_path):
    folder = tmp_path / "mine"
    folder.mkdir()
    for name in "ab":
        cv2.imwrite(str(folder / f"{name}.webp"), picture)
    counts = []
    for names in (["a"], ["a", "b"]):
        np.savez(folder / "labels.npz", name=names, landmarks=np.stack([landmarks] * len(names)))
        counts.append(len(load_faces(tmp_path, ["mine"], tmp_path / "cache")))

    assert counts == [1, 2]


@pytest.mark.parametrize("data", ["folder"], indirect=True)
def test_a_disk_too_full_for_the_cut_faces_is_named_before_one_is_cut(data, tmp_path, monkeypatch):
    refuse_place(monkeypatch, errno.ENOSPC)
    monkeypatch.setattr("models.training.frames.crop_face", None)

    with pytest.raises(OSError, match=r"needs 0 MB for the cut faces .*No space left.*--run"):
        load_faces(data, ["some"], tmp_path / "cache")
    assert not list((tmp_path / "cache").rglob("*.np*"))


@pytest.mark.parametrize("data", ["folder"], indirect=True)
def test_faces_are_cut_on_a_disk_that_gives_no_place_in_advance(data, tmp_path, monkeypatch):
    refuse_place(monkeypatch, errno.EOPNOTSUPP)

    assert len(load_faces(data, ["some"], tmp_path / "cache")) == 2


def refuse_place(monkeypatch, code):
    def refuse(*_):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "posix_fallocate", refuse)


def test_a_stored_face_lies_in_the_middle_of_the_store(data, tmp_path, landmarks):
    _, points = load_faces(data, ["some"], tmp_path / "cache")[0]

    np.testing.assert_allclose(points, landmarks + (STORE_PX - FRAME_PX) / 2, atol=0.1)


def test_no_face_is_in_both_parts_of_a_split(data, tmp_path):
    train, apart = load_faces(data, ["some"], tmp_path / "cache").split(held_back=2)

    assert (train.rows.tolist(), apart.rows.tolist()) == ([0], [1])
