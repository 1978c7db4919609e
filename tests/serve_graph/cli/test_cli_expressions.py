import numpy as np
import pytest
from PIL import Image as PilImage

from models import stages
from models.mask.detect import MaskFinding
from models.photo.profiles import display_p3, to_profile
from tests.serve_graph.cli.conftest import SKIN

pytestmark = pytest.mark.usefixtures("seeing")


def pixels_of(path):
    with PilImage.open(path) as picture:
        return np.asarray(picture.convert("RGB")).astype(int)


@pytest.fixture
def tiles(command, tmp_path):
    """The pictures of one face's row."""

    def of(path):
        result = command("expressions", path, "-o", tmp_path / "sheet.png")
        assert result.exit_code == 0, result.stderr
        return np.split(pixels_of(tmp_path / "sheet.png"), 7, axis=1)

    return of


def test_each_masked_face_is_a_row_of_seven_pictures(command, photo, tmp_path):
    folder = photo("one.png").parent
    photo("two.png")
    photo("bare.png", masked=False)

    result = command("expressions", folder, "-o", tmp_path / "sheet.png")

    assert result.exit_code == 0, result.stderr
    with PilImage.open(tmp_path / "sheet.png") as sheet:
        assert sheet.size == (7 * 256, 2 * 256)


def test_no_more_people_than_asked_for(command, photo, tmp_path):
    folder = photo("one.png").parent
    photo("two.png")

    command("expressions", folder, "-o", tmp_path / "sheet.png", "--people", 1)

    with PilImage.open(tmp_path / "sheet.png") as sheet:
        assert sheet.height == 256


def test_without_a_masked_face_there_is_no_sheet(command, photo, tmp_path):
    result = command("expressions", photo(masked=False), "-o", tmp_path / "sheet.png")

    assert result.exit_code == 1  # as for `wear`, `label` and `synth`: the command was used rightly
    assert "wears a mask" in result.stderr
    assert not (tmp_path / "sheet.png").exists()


def test_a_photo_without_a_face_is_reported_and_the_others_are_drawn(command, photo, tmp_path):
    folder = photo("good.png").parent
    photo("empty.png", face=False)

    result = command("expressions", folder, "-o", tmp_path / "sheet.png")

    assert result.exit_code == 1
    assert "empty.png: No face was found" in result.stderr
    with PilImage.open(tmp_path / "sheet.png") as sheet:
        assert sheet.height == 256


def test_the_sheet_never_overwrites_a_photo(command, photo):
    path = photo()
    before = path.read_bytes()

    result = command("expressions", path.parent, "-o", path)

    assert result.exit_code == 2
    assert path.read_bytes() == before


def test_the_sheet_shows_what_run_makes(command, photo, tmp_path, tiles):
    path = photo()
    for words in (("--candidates", 4), ("--expression", "neutral"), ("--expression", "smile")):
        result = command("run", path, "-o", tmp_path / f"{words[-1]}.png", *words)
        assert result.exit_code == 0, result.stderr

    made = (
        path,
        *(tmp_path / f"{n}.png" for n in ("neutral", "4_1", "smile", "4_2", "4_3", "4_4")),
    )
    for tile, file in zip(tiles(path), made, strict=True):
        assert np.abs(tile - pixels_of(file)[:256, :256]).max() <= 1, file.name


def test_a_black_and_white_photo_gets_no_coloured_chin(photo, monkeypatch, tiles):
    mask = np.zeros((256, 256), bool)
    mask[120:210, 70:190] = True
    monkeypatch.setattr(stages, "detect_masks", lambda *_: [MaskFinding(mask, 0.9)])
    path = photo()
    with PilImage.open(path) as picture:
        picture.convert("L").convert("RGB").save(path)

    for tile in tiles(path):
        assert (np.ptp(tile, axis=2) == 0).all()


def test_a_photo_of_another_profile_is_shown_in_srgb(photo, tiles):
    skin = to_profile(np.full((1, 1, 3), SKIN, np.uint8), display_p3(), None)

    for tile in tiles(photo(icc_profile=display_p3())):
        assert np.abs(tile[30, 128] - skin).max() <= 1


def test_a_sheet_that_its_format_cannot_hold_is_refused_at_once(command, photo, tmp_path):
    words = ("expressions", photo(), "-o", tmp_path / "sheet.webp", "--people", 64)

    result = command(*words, weights=tmp_path / "none")

    assert result.exit_code == 1
    assert "webp is limited to 16383 px a side: ask for jpeg or png." in result.stderr
