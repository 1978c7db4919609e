import numpy as np
import pytest
from PIL import Image as PilImage

from models import stages
from models.training.drawing import KINDS

pytestmark = pytest.mark.usefixtures("seeing")


def pixels_of(path):
    with PilImage.open(path) as picture:
        return np.asarray(picture.convert("RGB")).astype(int)


@pytest.fixture
def worn(command, photo, tmp_path):
    def run(*words, name="worn.png"):
        path = photo(masked=False)
        result = command("wear", path, "-o", tmp_path / name, *words)
        assert result.exit_code == 0, result.stderr
        return pixels_of(path), pixels_of(tmp_path / name)

    return run


def test_the_mask_file_has_every_changed_pixel_but_for_the_shadow(worn, tmp_path):
    before, after = worn("--kind", "surgical_blue", "--seed", 3)

    mask = pixels_of(tmp_path / "worn_mask.png")[..., 0]
    assert set(np.unique(mask)) == {0, 255}
    assert 0.03 < (mask == 255).mean() < 0.6
    changed = (before != after).any(axis=2)
    assert changed[mask == 255].mean() > 0.98
    darker = (after <= before).all(axis=2)
    assert darker[changed & (mask == 0)].all()


def test_the_same_seed_draws_the_same_mask(worn):
    _, first = worn("--seed", 7, name="first.png")
    _, again = worn("--seed", 7, name="again.png")
    _, other = worn("--seed", 8, name="other.png")

    assert (first == again).all()
    assert (first != other).any()


def test_a_face_that_wears_a_mask_already_is_left_alone(command, photo, tmp_path):
    result = command("wear", photo(), "-o", tmp_path / "worn.png")

    assert result.exit_code == 1
    assert "face 0 wears a mask already" in result.stderr
    assert not (tmp_path / "worn.png").exists()


def test_an_unknown_kind_is_refused_with_the_known_ones(command, photo, tmp_path):
    result = command("wear", photo(), "-o", tmp_path / "worn.png", "--kind", "helmet")

    assert result.exit_code == 2
    assert all(kind in result.stderr for kind in KINDS)


def test_the_mask_file_never_overwrites_the_photo(command, photo):
    path = photo("me_mask.png", masked=False)
    before = path.read_bytes()

    result = command("wear", path, "-o", path.with_name("me.png"))

    assert result.exit_code == 2
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("faces", "told"),
    [(32, ""), (33, "1 more face was left bare"), (35, "3 more faces were left bare")],
)
def test_bare_faces_beyond_the_most_are_counted(command, photo, tmp_path, monkeypatch, faces, told):
    found = stages.detect_faces
    monkeypatch.setattr(
        stages, "detect_faces", lambda net, thumbs: [faces * one for one in found(net, thumbs)]
    )

    result = command("wear", photo(masked=False), "-o", tmp_path / "worn.png")

    assert result.exit_code == 0, result.stderr
    assert result.stderr == (f"{told}: at most 32 are drawn on\n" if told else "")


def test_a_negative_seed_is_refused(command, photo, tmp_path):
    result = command("wear", photo(), "-o", tmp_path / "worn.png", "--seed", -1)

    assert result.exit_code == 2
    assert "'--seed'" in result.stderr
