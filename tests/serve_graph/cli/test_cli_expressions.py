import pytest
from PIL import Image as PilImage

pytestmark = pytest.mark.usefixtures("seeing")


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

    assert result.exit_code == 2
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
