from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from models.errors import BadImageError
from models.training.evaluation.folder import (
    EvalFolderError,
    check_case,
    digest_of,
    read_landmarks,
    read_pairs,
    read_photo,
    read_real,
    read_swaps,
    would_overwrite,
)
from models.training.pictures import write_image, write_mask


@pytest.fixture
def folder(tmp_path):
    for kind in ("truth", "masked", "mask"):
        write_image(tmp_path / kind / "b.png", np.full((4, 4, 3), 200, np.uint8))
    (tmp_path / "index.csv").write_text("id,source,mask_kind\nb,somewhere,cloth\n")
    return tmp_path


def test_a_pair_is_read_with_its_source_and_kind(folder):
    (case,) = read_pairs(folder)

    assert (case.id, case.source, case.kind) == ("b", "somewhere", "cloth")
    assert case.truth == folder / "truth" / "b.png"


def test_an_index_that_excel_saved_with_a_mark_is_read(folder):
    index = folder / "index.csv"
    index.write_text(index.read_text(), encoding="utf-8-sig")

    assert [case.id for case in read_pairs(folder)] == ["b"]


def test_a_missing_picture_is_named(folder):
    (folder / "truth" / "b.png").unlink()

    with pytest.raises(EvalFolderError, match="truth has no picture of b"):
        read_pairs(folder)


def name_pictures(folder, names):
    for kind in ("truth", "masked", "mask"):
        for name in names:
            (folder / kind / f"{name}.png").touch()
    (folder / "index.csv").write_text("\n".join(["id", *names]))


def test_a_picture_is_found_by_its_whole_name(folder):
    names = ["a", "a.2", "b[1]"]
    name_pictures(folder, names)

    assert [case.mask.name for case in read_pairs(folder)] == [f"{name}.png" for name in names]


def test_each_folder_is_listed_once(folder, monkeypatch):
    name_pictures(folder, ["a", "c", "d"])
    listed, list_folder = [], Path.iterdir
    monkeypatch.setattr(Path, "iterdir", lambda path: listed.append(path) or list_folder(path))

    read_pairs(folder)

    assert sorted(path.name for path in listed) == ["mask", "masked", "truth"]


def test_beyond_the_limit_no_picture_is_looked_for(folder):
    (folder / "index.csv").write_text("id\nb\nmissing\n")

    assert [case.id for case in read_pairs(folder, limit=1)] == ["b"]


def test_a_folder_without_index_is_refused(tmp_path):
    with pytest.raises(EvalFolderError, match="is missing: it names the pictures"):
        read_pairs(tmp_path)


def test_real_masks_swaps_and_landmarks_may_be_missing(folder):
    assert read_real(folder) == []
    assert read_swaps(folder) == []
    assert read_landmarks(folder) == {}


def test_landmarks_are_found_by_name(folder):
    np.savez(folder / "landmarks.npz", name=["b"], landmarks=np.ones((1, 68, 2)))

    assert read_landmarks(folder)["b"].shape == (68, 2)


@pytest.mark.parametrize("damage", ["cut", "text", "empty", "other"])
def test_damaged_landmarks_are_named_and_no_pickle_is_advised(folder, damage):
    path = folder / "landmarks.npz"
    if damage == "other":
        np.savez(path, name=["1"])
    else:
        path.write_bytes({"cut": b"PK\x03\x04cut off", "text": b"text", "empty": b""}[damage])

    with pytest.raises(EvalFolderError, match=r"landmarks\.npz is damaged") as error:
        read_landmarks(folder)
    assert "pickle" not in str(error.value)


def test_a_mask_at_its_pictures_size_passes(folder):
    check_case(read_pairs(folder)[0])


def test_a_blank_mask_is_refused_by_name(folder):
    write_mask(folder / "mask" / "b.png", np.zeros((4, 4), np.bool_))

    with pytest.raises(EvalFolderError, match=r"mask/b\.png is blank.*take b out of index\.csv"):
        check_case(read_pairs(folder)[0])


@pytest.mark.parametrize("kind", ["truth", "masked"])
def test_a_mask_of_another_size_is_refused_by_name(folder, kind):
    write_image(folder / kind / "b.png", np.zeros((4, 6, 3), np.uint8))

    said = rf"mask/b\.png has 4 x 4 px and .*{kind}/b\.png 6 x 4 px"
    with pytest.raises(EvalFolderError, match=said):
        check_case(read_pairs(folder)[0])


@pytest.mark.parametrize("part", ["truth", "masked", "mask"])
def test_a_case_with_another_picture_has_another_digest(folder, part):
    (case,) = read_pairs(folder)
    before = digest_of(case)
    assert digest_of(case) == before

    write_image(folder / part / "b.png", np.full((4, 4, 3), 100, np.uint8))

    assert digest_of(case) != before


@pytest.mark.parametrize("out", [".", "mask", "truth/new", "real", "swap", "swap/mask", "new/.."])
def test_an_output_folder_among_the_pictures_would_overwrite_them(folder, out):
    assert would_overwrite(folder / out, folder)


@pytest.mark.parametrize("out", ["new", "masks", ".."])
def test_an_output_folder_beside_the_pictures_would_not(folder, out):
    assert not would_overwrite(folder / out, folder)


def test_an_output_folder_that_leads_to_the_masks_would_overwrite_them(folder, tmp_path_factory):
    out = tmp_path_factory.mktemp("out")
    (out / "mask").symlink_to(folder / "mask")

    assert would_overwrite(out, folder)


def test_a_picture_of_more_bytes_than_a_request_may_have_is_read(folder):
    path = folder / "masked" / "b.png"
    path.write_bytes(path.read_bytes() + bytes(20_000_000))

    assert read_photo(path).pixels.shape == (4, 4, 3)


@pytest.mark.parametrize("part", ["truth", "masked", "reference"])
@pytest.mark.parametrize(
    ("name", "size", "said"),
    [
        ("b.bmp", None, "not a JPEG, PNG, WebP or HEIC"),
        ("b.jpg", -100, "The jpeg is damaged or cut off"),
    ],
)
def test_a_picture_that_the_service_does_not_take_is_named_at_once(folder, part, name, size, said):
    (case,) = read_pairs(folder)
    path = folder / part / name
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    write_image(path, noise)
    path.write_bytes(path.read_bytes()[:size])
    own = {"truth": "truth", "masked": "photo", "reference": "reference"}[part]

    with pytest.raises(BadImageError, match=rf"{part}/{name}: .*{said}"):
        check_case(replace(case, **{own: path}))
