import zipfile

import cv2
import numpy as np
import pytest

from models.training.crop.labels import read_faces
from models.training.sources import SourceError, read_source, source_labels


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
