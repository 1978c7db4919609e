import numpy as np
import pytest

from models.errors import BadImageError
from models.training.pictures import read_image, read_mask, spread, write_image, write_mask


def test_pictures_are_read_as_they_were_written(tmp_path):
    image = np.random.default_rng(0).integers(0, 256, (5, 6, 3), np.uint8)
    mask = image[..., 0] > 127
    write_image(tmp_path / "new" / "image.png", image)
    write_mask(tmp_path / "new" / "mask.png", mask)

    np.testing.assert_array_equal(read_image(tmp_path / "new" / "image.png"), image)
    np.testing.assert_array_equal(read_mask(tmp_path / "new" / "mask.png"), mask)


@pytest.mark.parametrize("write", [write_image, write_mask])
def test_what_cant_be_written_is_an_error_that_names_it(write, tmp_path):
    (tmp_path / "taken.png").mkdir()
    pixels = np.zeros((2, 2, 3) if write is write_image else (2, 2), np.uint8)

    with pytest.raises(OSError, match=r"taken\.png"):
        write(tmp_path / "taken.png", pixels)


def test_what_is_no_picture_is_refused_by_name(tmp_path):
    (tmp_path / "note.png").write_text("hello")

    with pytest.raises(BadImageError, match=r"note\.png"):
        read_image(tmp_path / "note.png")


@pytest.mark.parametrize(("limit", "kept"), [(None, 10), (20, 10), (3, 3)])
def test_a_limit_keeps_at_most_so_many(limit, kept):
    assert len(spread(list(range(10)), limit)) == kept


def test_a_limit_keeps_some_of_every_part():
    assert spread(list(range(9)), 3) == [0, 3, 6]
