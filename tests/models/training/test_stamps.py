import os

import numpy as np
import pytest

from models.training.stamps import have_changed, stamps_of


@pytest.fixture
def folder(tmp_path):
    for name in ("a.png", "b.png"):
        (tmp_path / name).write_text("some")
    return tmp_path


def test_an_edit_that_keeps_the_size_shows(folder):
    before = stamps_of(folder, ["a.png", "b.png"])
    (folder / "b.png").write_text("more")
    os.utime(folder / "b.png", ns=(1, 1))

    assert have_changed(before, stamps_of(folder, ["a.png", "b.png"]))


def test_what_is_left_alone_has_not_changed(folder):
    before = stamps_of(folder, ["a.png", "b.png"])

    assert before.shape == (2, 2)
    assert not have_changed(before, stamps_of(folder, ["a.png", "b.png"]))


def test_a_picture_that_is_gone_has_not_changed(folder):
    before = stamps_of(folder, ["a.png", "b.png"])

    now = stamps_of(folder, ["a.png", None])

    np.testing.assert_array_equal(now[1], (-1, -1))
    assert not have_changed(before, now)
