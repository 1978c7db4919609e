import errno
import io
import os
import shutil
import threading
import zipfile
from contextlib import nullcontext

import cv2
import numpy as np
import pytest

from models.crop.frame import FRAME_PX, fit_frame, five_points
from models.training.crop.labels import read_faces
from models.training.frames import (
    STORE_PX,
    SourceError,
    load_faces,
    read_source,
    source_labels,
    store_path,
)
from models.training.jitter import cut, jittered_frame
from tests.conftest import mean_face


@pytest.fixture
def landmarks():
    points = np.random.default_rng(0).uniform(60, 200, (68, 2)).astype(np.float32)
    points[36:42], points[42:48] = (88, 86), (168, 86)
    points[30], points[48], points[54] = (128, 130), (95, 168), (161, 168)
    return points


@pytest.fixture
def picture():
    return cv2.GaussianBlur(
        np.random.default_rng(1).integers(0, 256, (FRAME_PX, FRAME_PX, 3), dtype=np.uint8),
        (0, 0),
        5,
    )


@pytest.fixture(params=["zip", "folder"])
def data(request, tmp_path, landmarks, picture):
    labels = io.BytesIO()
    np.savez(labels, name=["a", "b"], landmarks=np.stack([landmarks, landmarks]))
    files = {"labels.npz": labels.getvalue()}
    for name in "ab":
        files[f"{name}.webp"] = cv2.imencode(".webp", picture[..., ::-1])[1].tobytes()
    if request.param == "zip":
        with zipfile.ZipFile(tmp_path / "some.zip", "w") as archive:
            for name, content in files.items():
                archive.writestr(name, content)
    else:
        (tmp_path / "some").mkdir()
        for name, content in files.items():
            (tmp_path / "some" / name).write_bytes(content)
    return tmp_path


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


def labelled(data, **labels):
    np.savez(data / "some" / "labels.npz", **labels)


@pytest.mark.parametrize(
    ("labels", "held"),
    [
        ({}, "it holds nothing"),
        ({"names": ["a"], "landmarks": np.zeros((1, 68, 2))}, r"it holds names <U1 \(1,\)"),
        ({"name": [1], "landmarks": np.zeros((1, 68, 2))}, r"it holds name int64 \(1,\)"),
        ({"name": ["a"], "landmarks": np.zeros((1, 5, 2))}, r"landmarks float64 \(1, 5, 2\)"),
        ({"name": ["a"], "landmarks": np.zeros((1, 136))}, r"landmarks float64 \(1, 136\)"),
        ({"name": ["a", "b"], "landmarks": np.zeros((1, 68, 2))}, r"name <U1 \(2,\), landmarks"),
        ({"name": ["a"], "landmarks": np.full((1, 68, 2), "x")}, r"landmarks <U1"),
    ],
)
@pytest.mark.parametrize("data", ["folder"], indirect=True)
def test_labels_of_other_names_or_shapes_are_refused_with_what_they_hold(data, labels, held):
    labelled(data, **labels)

    with pytest.raises(SourceError, match=rf"labels\.npz must hold name \(N,\), strings.*{held}"):
        source_labels(data, "some")


@pytest.mark.parametrize("content", [b"", b"name,landmarks"])
@pytest.mark.parametrize("data", ["folder"], indirect=True)
def test_labels_that_are_no_npz_are_refused(data, content):
    (data / "some" / "labels.npz").write_bytes(content)

    with pytest.raises(SourceError, match=r"some/labels\.npz can't be read"):
        source_labels(data, "some")


@pytest.mark.parametrize("data", ["folder"], indirect=True)
def test_labels_of_objects_are_refused(data, landmarks):
    labelled(data, name=np.array(["a"], object), landmarks=landmarks[None])

    with pytest.raises(SourceError, match=r"write it with np\.savez, with strings as name"):
        source_labels(data, "some")


@pytest.mark.parametrize("read", [read_source, lambda *source: read_faces(*source, False)])
def test_a_face_without_a_picture_is_named(data, landmarks, read):
    np.savez(data / "some_landmarks.npz", name=["a", "c"], landmarks=[landmarks] * 2)

    with pytest.raises(SourceError, match=r"has no picture of c \(1 in all\).*put NAME\.webp"):
        list(read(data, "some"))


@pytest.mark.parametrize("suffix", [".jpg", ".PNG"])
@pytest.mark.parametrize("data", ["folder"], indirect=True)
def test_pictures_may_have_any_usual_suffix(data, picture, suffix):
    for name in "ab":
        (data / "some" / f"{name}.webp").unlink()
        cv2.imwrite(str(data / "some" / f"{name}{suffix}"), picture)

    assert [face.name for face in read_source(data, "some")] == ["a", "b"]
    assert [face.name for face in read_faces(data, "some", are_masked=False)] == ["a", "b"]


@pytest.mark.parametrize("data", ["folder"], indirect=True)
def test_a_zip_of_a_folder_is_read_like_one_of_its_files(data):
    with zipfile.ZipFile(data / "nested.zip", "w") as archive:
        for path in (data / "some").iterdir():
            archive.write(path, f"nested/{path.name}")
        archive.write(data / "some" / "labels.npz", "__MACOSX/nested/._a.webp")

    assert [face.name for face in read_source(data, "nested")] == ["a", "b"]


def test_what_is_no_zip_is_named(tmp_path):
    (tmp_path / "some.zip").write_bytes(b"PK")

    with pytest.raises(SourceError, match=r"some\.zip is no zip"):
        source_labels(tmp_path, "some")


@pytest.mark.parametrize("data", ["zip"], indirect=True)
def test_a_zip_with_a_damaged_picture_is_named(data):
    path = data / "some.zip"
    content = bytearray(path.read_bytes())
    content[content.index(b"WEBP") + 30] ^= 255
    path.write_bytes(content)

    with pytest.raises(SourceError, match=r"some\.zip is no zip, or damaged .*a\.webp"):
        list(read_source(data, "some"))


@pytest.mark.parametrize("data", ["zip"], indirect=True)
@pytest.mark.parametrize(("offset", "value"), [(8, 1), (10, 9)], ids=["encrypted", "deflate64"])
def test_a_zip_that_python_cannot_unpack_is_named(data, offset, value):
    path = data / "some.zip"
    content = bytearray(path.read_bytes())
    content[content.index(b"PK\x01\x02") + offset] = value  # the first file in the zip's directory
    path.write_bytes(content)

    with pytest.raises(SourceError, match=r"some\.zip is no zip, or damaged"):
        source_labels(data, "some")


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


def test_without_jitter_the_frame_is_the_canonical_one(landmarks):
    frame = jittered_frame(landmarks, np.random.default_rng(0), amount=0)

    np.testing.assert_allclose(frame, fit_frame(five_points(landmarks)), atol=1e-4)


def test_jitter_moves_the_frame_a_little(landmarks):
    frames = [jittered_frame(landmarks, np.random.default_rng(seed)) for seed in range(50)]

    corner = np.stack([frame @ (128, 128, 1) for frame in frames])
    assert 1 < corner.std(axis=0).min() < corner.std(axis=0).max() < 15


def test_a_mirrored_cut_has_left_and_right_exchanged(landmarks, picture):
    plain, points = cut(picture, landmarks, jittered_frame(landmarks, np.random.default_rng(0), 0))
    frame = jittered_frame(landmarks, np.random.default_rng(0), 0, flip=True)
    mirrored, mirrored_points = cut(picture, landmarks, frame)

    assert np.abs(mirrored[:, ::-1].astype(int) - plain).mean() < 2
    np.testing.assert_allclose(mirrored_points[36:42].mean(0), (FRAME_PX - 1 - 168, 86), atol=0.5)
    np.testing.assert_allclose(mirrored_points[48, 0], FRAME_PX - 1 - points[54, 0], atol=0.5)


def test_the_points_of_a_face_alike_on_both_sides_keep_their_order_when_mirrored(picture):
    points = mean_face()
    middle = points[27, 0]
    mirror = np.array([[-1, 0, 2 * middle], [0, 1, 0]], np.float32)

    _, mirrored = cut(picture, points, mirror)

    np.testing.assert_allclose(mirrored, points, atol=1e-3)
