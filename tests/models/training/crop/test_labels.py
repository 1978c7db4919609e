import dataclasses
import io
import json
import zipfile

import cv2
import numpy as np
import pytest

from models.training.crop.labels import (
    box_of,
    boxes_digest,
    is_held_back,
    is_plausible,
    read_faces,
    read_scenes,
)
from models.training.sources import SourceError

FRONTAL = np.array([(88, 86), (168, 86), (128, 130), (95, 168), (161, 168)], np.float32)


def picture(height=60, width=80):
    return cv2.imencode(".webp", np.full((height, width, 3), 90, np.uint8))[1].tobytes()


def landmarks68():
    """Points of a face that spans x 10..50, y 20..60, with its five points in their places."""
    points = np.full((68, 2), 30.0, np.float32)
    points[0], points[16], points[8], points[19] = (10, 40), (50, 40), (30, 60), (22, 20)
    points[36:42], points[42:48] = (20, 30), (40, 30)
    points[30], points[48], points[54] = (30, 42), (23, 50), (37, 50)
    return points


@pytest.fixture
def faces_zip(tmp_path):
    labels = io.BytesIO()
    np.savez(labels, name=["one"], landmarks=landmarks68()[None], size=[[80, 60]])
    with zipfile.ZipFile(tmp_path / "faces.zip", "w") as archive:
        archive.writestr("one.webp", picture())
        archive.writestr("labels.npz", labels.getvalue())
    return tmp_path / "faces.zip"


@pytest.fixture
def scenes_folder(tmp_path):
    folder = tmp_path / "scenes"
    folder.mkdir()
    (folder / "street.webp").write_bytes(picture())
    box = box_of(landmarks68()).tolist()
    faces = [
        {"label": "with_mask", "box": box},
        {"label": "without_mask", "box": [60, 5, 70, 15]},
    ]
    (folder / "boxes.json").write_text(json.dumps({"street": faces}))
    return folder


def test_about_a_fifth_of_the_names_is_held_back():
    share = np.mean([is_held_back(f"photo{i}") for i in range(3000)])

    assert 0.17 < share < 0.23


def test_a_name_is_held_back_with_and_without_its_ending():
    names = [f"photo{i}" for i in range(100)]

    assert [is_held_back(n) for n in names] == [is_held_back(f"{n}.webp") for n in names]


def test_the_box_of_landmarks_reaches_above_the_brows_and_below_the_chin():
    x0, y0, x1, y1 = box_of(landmarks68())

    assert (x0, x1) == (10, 50)
    assert y0 < 20
    assert y1 > 60


@pytest.mark.parametrize("degrees", [-40, 0, 40])
def test_a_leaning_face_is_plausible(degrees):
    angle = np.deg2rad(degrees)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])

    assert is_plausible((FRONTAL @ turn.T).astype(np.float32))


@pytest.mark.parametrize("order", [[1, 0, 2, 3, 4], [0, 1, 2, 4, 3], [0, 1, 3, 2, 4]])
def test_points_in_the_wrong_places_are_not_plausible(order):
    assert not is_plausible(FRONTAL[order])


def test_faces_come_with_box_points_and_full_trust(faces_zip):
    (face,) = read_faces(faces_zip.parent, "faces", are_masked=False)

    np.testing.assert_array_equal(face.boxes[0], box_of(landmarks68()))
    np.testing.assert_array_equal(face.points[0, 2], (30, 42))
    assert (face.trust == 1).all()
    assert face.decode().shape == (60, 80, 3)


def test_points_of_masked_faces_are_trusted_less_where_hidden(faces_zip):
    (face,) = read_faces(faces_zip.parent, "faces", are_masked=True)

    assert (face.trust[0, :2] == 1).all()
    assert (face.trust[0, 2:] < 1).all()
    assert face.landmarks is None  # nothing to draw a mask on


def test_labels_beside_a_source_of_bare_faces_make_no_masked_ones_of_them(faces_zip, tmp_path):
    moved = landmarks68() + 1
    np.savez(tmp_path / "faces_landmarks.npz", name=["one"], landmarks=moved[None])

    (face,) = read_faces(faces_zip.parent, "faces", are_masked=False)

    np.testing.assert_array_equal(face.landmarks, moved)
    assert (face.trust == 1).all()


def test_refused_faces_are_left_out(faces_zip):
    assert not read_faces(faces_zip.parent, "faces", are_masked=False, refused={"faces/one"})
    assert read_faces(faces_zip.parent, "faces", are_masked=False, refused={"others/one"})


def test_scenes_without_boxes_are_a_clear_error(scenes_folder):
    (scenes_folder / "boxes.json").unlink()

    with pytest.raises(SourceError, match=r"no boxes\.json"):
        read_scenes(scenes_folder)


def test_a_photo_that_boxes_name_and_nobody_has_is_a_clear_error(scenes_folder):
    (scenes_folder / "street.webp").unlink()

    with pytest.raises(SourceError, match=r"no photo street, which its boxes\.json names"):
        read_scenes(scenes_folder)


@pytest.mark.parametrize("content", [b"", b"RIFF"])
def test_a_damaged_photo_is_named(scenes_folder, content):
    (scenes_folder / "street.webp").write_bytes(content)
    (scene,) = read_scenes(scenes_folder)

    with pytest.raises(SourceError, match=r"scenes/street\.webp is no picture, or cut off"):
        scene.decode()


def test_a_damaged_picture_of_a_face_is_named(faces_zip):
    (face,) = read_faces(faces_zip.parent, "faces", are_masked=False)

    with pytest.raises(SourceError, match=r"faces\.zip/one\.webp is no picture, or cut off"):
        dataclasses.replace(face, data=b"").decode()


def test_scenes_in_a_damaged_zip_are_a_clear_error(tmp_path):
    (tmp_path / "scenes.zip").write_bytes(b"PK")

    with pytest.raises(SourceError, match=r"scenes\.zip is no zip, or damaged"):
        read_scenes(tmp_path / "scenes.zip")


@pytest.mark.parametrize(
    ("boxes", "message"),
    [
        ("{", r"boxes\.json can't be read"),
        ("[1]", r"boxes\.json can't be read"),
        ('{"street": [[1, 2, 3, 4]]}', r"boxes\.json must have for street a list of faces like"),
        ('{"street": [{"box": [1, 2, 3, 4]}]}', "must have for street"),
        ('{"street": [{"label": "with_mask", "box": [1, 2, 3]}]}', "must have for street"),
    ],
)
def test_a_mistake_in_the_boxes_is_a_clear_error(scenes_folder, boxes, message):
    (scenes_folder / "boxes.json").write_text(boxes)

    with pytest.raises(SourceError, match=message):
        read_scenes(scenes_folder)


@pytest.mark.parametrize("twin", ["street.png", "street.webp"])
def test_two_photos_of_one_name_are_a_clear_error(scenes_folder, twin):
    (scenes_folder / "street.png").write_bytes(picture())
    (scenes_folder / "boxes.json").write_text(json.dumps({"street": [], twin: []}))

    with pytest.raises(SourceError, match=r"boxes\.json has several photos street, but for"):
        read_scenes(scenes_folder)


def test_scenes_are_read_from_a_folder_with_their_boxes(scenes_folder):
    (scene,) = read_scenes(scenes_folder)

    assert scene.boxes.shape == (2, 4)
    assert scene.masked == (True, False)
    assert not scene.trust.any()


def test_only_faces_with_fitting_landmarks_get_points(scenes_folder, tmp_path):
    wrong = landmarks68() + 100  # far from the second face's box
    names = ["street/0", "street/1"]
    np.savez(tmp_path / "points.npz", name=names, landmarks=np.stack([landmarks68(), wrong]))

    (scene,) = read_scenes(scenes_folder, tmp_path / "points.npz")

    assert scene.trust[0].all()
    assert not scene.trust[1].any()


@pytest.mark.parametrize("key", ["street/0", "street.webp/0"])
@pytest.mark.parametrize("name", ["street", "street.webp"])
def test_points_may_be_under_the_photos_name_or_its_files(scenes_folder, tmp_path, name, key):
    boxes = scenes_folder / "boxes.json"
    boxes.write_text(json.dumps({name: json.loads(boxes.read_text())["street"]}))
    np.savez(tmp_path / "points.npz", name=[key], landmarks=landmarks68()[None])

    (scene,) = read_scenes(scenes_folder, tmp_path / "points.npz")

    assert scene.name == "street"
    assert scene.trust[0].all()


@pytest.mark.parametrize("key", ["street_0", "elsewhere/0", "street/7"])
def test_points_of_which_none_fits_a_box_are_a_clear_error(scenes_folder, tmp_path, key):
    np.savez(tmp_path / "points.npz", name=[key], landmarks=landmarks68()[None])

    with pytest.raises(SourceError, match=rf"points\.npz .*{key}.* PHOTO/INDEX"):
        read_scenes(scenes_folder, tmp_path / "points.npz")


def test_only_the_suffix_of_a_picture_is_cut_from_a_scenes_name(scenes_folder, tmp_path):
    (scenes_folder / "2021.05.03.webp").write_bytes(picture())
    boxes = scenes_folder / "boxes.json"
    boxes.write_text(json.dumps({"2021.05.03": json.loads(boxes.read_text())["street"]}))
    np.savez(tmp_path / "points.npz", name=["2021.05.03/0"], landmarks=landmarks68()[None])

    (scene,) = read_scenes(scenes_folder, tmp_path / "points.npz")

    assert scene.name == "2021.05.03"
    assert scene.trust[0].all()


def npz(compressed=False, **labels):
    content = io.BytesIO()
    (np.savez_compressed if compressed else np.savez)(content, **labels)
    return content.getvalue()


def spoilt(content):
    """With a wrong byte among the compressed points."""
    place = content.index(b"landmarks.npy") + 60
    return content[:place] + bytes([content[place] ^ 255]) + content[place + 1 :]


def points_npz(**options):
    return npz(name=["street/0"], landmarks=landmarks68()[None], **options)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "can't be read"),
        (b"street/0,1,2", "can't be read"),
        (points_npz()[:-100], "can't be read"),
        (spoilt(points_npz(compressed=True)), "can't be read"),
        (npz(name=["street/0"]), r"must hold name \(N,\)"),
        (npz(name=["street/0"], landmarks=np.zeros((1, 5, 2))), r"must hold name \(N,\)"),
    ],
    ids=["empty", "text", "cut off", "damaged", "without points", "other points"],
)
@pytest.mark.parametrize("read", [read_scenes, boxes_digest])
def test_a_damaged_file_of_points_is_a_clear_error(scenes_folder, tmp_path, content, said, read):
    path = tmp_path / "scenes_landmarks.npz"
    path.write_bytes(content)

    with pytest.raises(SourceError, match=rf"scenes_landmarks\.npz {said}"):
        read(scenes_folder, path)
