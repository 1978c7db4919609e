import numpy as np
import pytest
from PIL import Image as PilImage
from pydantic import ValidationError

from models import pipeline
from models.choices import QUALITY
from models.inpaint.paint import Painted
from models.landmarks.guess import Wish
from models.stages import LocalStages
from serve_graph.api.schemas import MaskFields
from serve_graph.settings import ApiSettings

pytestmark = pytest.mark.usefixtures("seeing")


def pixels_of(path):
    with PilImage.open(path) as picture:
        return np.asarray(picture.convert("RGB")).astype(int)


def panels_of(folder, count):
    return np.split(pixels_of(folder / "photo_panels.jpg"), count, axis=1)


def test_a_photo_comes_back_with_only_its_mask_changed(command, photo, tmp_path):
    path = photo()

    result = command("run", path, "-o", tmp_path / "out.png")

    assert result.exit_code == 0, result.stderr
    before, after = pixels_of(path), pixels_of(tmp_path / "out.png")
    assert (before[:110] == after[:110]).all()
    assert (before[130:200, 80:180] != after[130:200, 80:180]).mean() > 0.5


def test_each_photo_of_a_folder_keeps_its_name_and_format(command, photo, tmp_path):
    folder = photo("one.jpg").parent
    photo("two.webp")

    assert command("run", folder, "-o", tmp_path / "out").exit_code == 0

    with PilImage.open(tmp_path / "out" / "one.jpg") as one:
        assert one.format == "JPEG"
    with PilImage.open(tmp_path / "out" / "two.webp") as two:
        assert two.format == "WEBP"


def test_heic_is_answered_as_jpeg(command, photo, tmp_path):
    import pillow_heif

    pillow_heif.register_heif_opener()
    photo("phone.heic")

    assert command("run", tmp_path / "in", "-o", tmp_path / "out").exit_code == 0
    assert (tmp_path / "out" / "phone.jpg").is_file()


@pytest.mark.parametrize("name", ["photo.jfif", "photo"])
def test_a_photo_whose_ending_names_no_format_becomes_a_jpeg(command, photo, tmp_path, name):
    result = command("run", photo(name, format="JPEG"), "-o", tmp_path / "out")

    assert result.exit_code == 0, result.stderr
    with PilImage.open(tmp_path / "out" / "photo.jpg") as answer:
        assert answer.format == "JPEG"


def test_a_bad_file_is_reported_and_the_rest_goes_on(command, photo, tmp_path):
    folder = photo("good.png").parent
    (folder / "bad.jpg").write_bytes(b"no picture")

    result = command("run", folder, "-o", tmp_path / "out")

    assert result.exit_code == 1
    assert "bad.jpg: This is not a JPEG" in result.stderr
    assert "1 of 2 pictures failed" in result.stderr
    assert (tmp_path / "out" / "good.png").is_file()


def test_a_photo_without_a_face_is_reported(command, photo, tmp_path):
    result = command("run", photo(face=False), "-o", tmp_path / "out")

    assert result.exit_code == 1
    assert "No face was found" in result.stderr


def test_a_bare_face_stays_as_it_is(command, photo, tmp_path):
    path = photo(masked=False)

    result = command("run", path, "-o", tmp_path / "out.png")

    assert result.exit_code == 0
    assert "nobody wears a mask" in result.stderr
    assert (pixels_of(path) == pixels_of(tmp_path / "out.png")).all()


def test_the_input_is_never_overwritten(command, photo):
    path = photo()
    before = path.read_bytes()

    assert command("run", path, "-o", path).exit_code == 2
    assert command("run", path.parent, "-o", path.parent).exit_code == 2
    assert path.read_bytes() == before


@pytest.mark.parametrize("option", ["--reference", "--mask"])
def test_the_file_of_an_option_is_never_overwritten(command, photo, option):
    other = photo("other.png", masked=False)
    before = other.read_bytes()

    result = command("run", photo(), "-o", other, option, other)

    assert result.exit_code == 2
    assert "other.png would overwrite an input" in result.stderr
    assert other.read_bytes() == before


@pytest.mark.parametrize(
    ("other", "words", "told"),
    [
        ("same.heic", (), "same.heic and same.jpg would both become same.jpg"),
        ("same.png", ("--panels",), "same.jpg and same.png would both become same_panels.jpg"),
    ],
)
def test_two_photos_never_become_one_file(command, photo, tmp_path, other, words, told):
    folder = photo("same.jpg").parent
    (folder / other).write_bytes(b"")

    result = command("run", folder, "-o", tmp_path / "out", *words)

    assert result.exit_code == 2
    assert told in result.stderr


def test_a_format_that_cannot_be_written_is_refused(command, photo, tmp_path):
    result = command("run", photo(), "-o", tmp_path / "out.gif")

    assert result.exit_code == 2
    assert "end the name in one of" in result.stderr


def test_a_format_that_cannot_hold_the_photo_is_refused_before_it_is_painted(
    command, tmp_path, options
):
    path = tmp_path / "wide.png"
    PilImage.new("RGB", (16_384, 8)).save(path)

    result = command("run", path, "-o", tmp_path / "out.webp")

    assert result.exit_code == 1
    assert "webp is limited to 16383 px a side: ask for jpeg or png." in result.stderr
    assert not options


def test_a_folder_without_pictures_is_wrong_use(command, tmp_path):
    (tmp_path / "note.txt").write_text("hello")

    assert command("run", tmp_path, "-o", tmp_path / "out").exit_code == 2


def test_a_drawn_mask_is_painted_instead_of_the_found_one(command, photo, tmp_path):
    path = photo()
    height, width = pixels_of(path).shape[:2]
    drawn = np.zeros((height, width), np.uint8)
    drawn[170:200, 100:150] = 255
    PilImage.fromarray(drawn).save(tmp_path / "mask.png")

    result = command("run", path, "-o", tmp_path / "out.png", "--mask", tmp_path / "mask.png")

    assert result.exit_code == 0, result.stderr
    before, after = pixels_of(path), pixels_of(tmp_path / "out.png")
    assert (before[175:195, 105:145] != after[175:195, 105:145]).mean() > 0.5
    assert (before[:150] == after[:150]).all()  # here the found mask isn't painted


def test_a_drawn_mask_is_of_one_photo(command, photo, tmp_path):
    masks = [photo(name) for name in ("a.png", "b.png")]

    assert command("run", masks[0].parent, "-o", tmp_path, "--mask", masks[0]).exit_code == 2


def test_the_file_of_a_drawn_mask_that_cannot_be_used_is_named(command, photo, tmp_path):
    mask = tmp_path / "small.png"
    PilImage.new("L", (8, 8), 255).save(mask)

    result = command("run", photo(), "-o", tmp_path / "out", "--mask", mask)

    assert result.exit_code == 1
    assert f"photo.png: {mask}: The mask has 8 x 8 px" in " ".join(result.stderr.split())


@pytest.mark.parametrize("option", ["--reference", "--mask"])
def test_a_file_of_an_option_that_is_no_picture_is_named(command, photo, tmp_path, option):
    other = tmp_path / "note.jpg"
    other.write_text("no picture")

    result = command("run", photo(), "-o", tmp_path / "out", option, other)

    assert result.exit_code == 1
    assert result.stderr.startswith(f"mask2face: {other}: This is not a JPEG")


def test_panels_show_photo_mask_and_painted_face(command, photo, tmp_path):
    path = photo()

    assert command("run", path, "-o", tmp_path / "out", "--panels").exit_code == 0

    before, tinted, after = panels_of(tmp_path / "out", 3)
    assert abs(before - pixels_of(path)).mean() < 3
    assert abs(after - pixels_of(tmp_path / "out" / "photo.png")).mean() < 3
    blue = (tinted - before)[..., 2]
    assert blue[130:200, 80:180].mean() > 10
    assert abs(blue[:100]).mean() < 1


def test_each_candidate_becomes_a_file(command, photo, tmp_path):
    result = command("run", photo(), "-o", tmp_path / "out.png", "--candidates", 3)

    assert result.exit_code == 0, result.stderr
    assert [path.name for path in sorted(tmp_path.glob("out*"))] == [
        "out_1.png",
        "out_2.png",
        "out_3.png",
    ]


@pytest.mark.parametrize(
    ("name", "words"), [("me_2.png", ("--candidates", 2)), ("me_panels.jpg", ("--panels",))]
)
def test_none_of_several_files_overwrites_the_input(command, photo, name, words):
    path = photo(name)
    before = path.read_bytes()

    result = command("run", path, "-o", path.with_name(f"me{path.suffix}"), *words)

    assert result.exit_code == 2
    assert path.read_bytes() == before


def test_an_expression_is_asked_of_the_painter(command, photo, tmp_path, monkeypatch):
    wishes = []

    async def paint(_stages, face, _hole, wish):
        wishes.append(wish)
        return [Painted(face, np.zeros((68, 2), np.float32))]

    monkeypatch.setattr(LocalStages, "paint", paint)

    result = command("run", photo(), "-o", tmp_path, "--expression", "smile")

    assert result.exit_code == 0, result.stderr
    assert wishes == [Wish("smile", 1)]


@pytest.mark.parametrize("words", [("--expression", "angry"), ("--candidates", 5)])
def test_a_wish_that_cannot_be_had_is_wrong_use(command, photo, tmp_path, words):
    assert command("run", photo(), "-o", tmp_path / "out", *words).exit_code == 2


def test_a_missing_file_of_face_alignment_is_named(command, photo, tmp_path):
    words = ("--landmarks", "face-alignment", "--fan-weights", tmp_path)

    result = command("run", photo(), "-o", tmp_path / "out", *words)

    assert result.exit_code == 1
    assert "2DFAN4-11f355bf06.pth.tar is missing" in result.stderr


def test_with_a_reference_a_fourth_panel_shows_the_swap(command, photo, tmp_path):
    me = photo("me.png", masked=False)
    lips = pixels_of(me).astype(np.uint8)
    lips[150:190, 100:156] = 60
    PilImage.fromarray(lips).save(me)

    result = command("run", photo(), "-o", tmp_path / "out", "--reference", me, "--panels")

    assert result.exit_code == 0, result.stderr
    _, _, painted, swapped = panels_of(tmp_path / "out", 4)
    assert abs(painted - swapped)[130:200, 80:180].mean() > 5


def test_a_head_turned_too_far_for_the_reference_is_named(command, photo, tmp_path, monkeypatch):
    monkeypatch.setattr(pipeline, "is_turned_too_far", lambda *_: True)
    me = photo("me.png", masked=False)

    result = command("run", photo(), "-o", tmp_path / "out", "--reference", me)

    assert result.exit_code == 0
    assert "1 face is turned too far for the reference: painted without it" in result.stderr


def test_a_masked_reference_ends_the_run_at_once(command, photo, tmp_path):
    me = photo("me.png", masked=True)
    photo("other.png")

    result = command("run", me.parent, "-o", tmp_path / "out", "--reference", me)

    assert result.exit_code == 1
    assert "The face in the reference photo wears a mask" in result.stderr.splitlines()[-1]
    assert not (tmp_path / "out").exists()


def test_a_changed_photo_says_that_it_was_made_with_ai(command, photo, tmp_path):
    assert command("run", photo(), "-o", tmp_path / "out").exit_code == 0

    data = (tmp_path / "out" / "photo.png").read_bytes()
    assert b"compositeWithTrainedAlgorithmicMedia" in data


@pytest.fixture
def options(monkeypatch):
    """The options passed to the pipeline, one entry per photo."""
    seen, unmask = [], pipeline.unmask

    def noted(photo, stages, options, **others):
        seen.append(options)
        return unmask(photo, stages, options, **others)

    monkeypatch.setattr(pipeline, "unmask", noted)
    return seen


@pytest.mark.parametrize("faces", ["all", "largest", "0", "0,0"])
def test_faces_are_those_that_the_api_understands(command, photo, tmp_path, options, faces):
    result = command("run", photo(), "-o", tmp_path / "out", "--faces", faces)

    assert result.exit_code == 0, result.stderr
    assert [one.faces for one in options] == [MaskFields(faces=faces).faces]


@pytest.mark.parametrize("faces", ["some", "-1", "0,", "0 1", "12345", ",".join(["0"] * 33)])
def test_faces_that_the_api_refuses_are_refused_in_its_words(command, photo, tmp_path, faces):
    with pytest.raises(ValidationError) as refused:
        MaskFields(faces=faces)

    result = command("run", photo(), "-o", tmp_path / "out", "--faces", faces)

    assert result.exit_code == 2
    assert refused.value.errors()[0]["msg"] in result.stderr


def test_a_face_that_is_not_there_is_named(command, photo, tmp_path):
    result = command("run", photo(), "-o", tmp_path / "out", "--faces", "7")

    assert result.exit_code == 1
    assert "faces=7: no such face; the photo's only face is 0." in result.stderr


@pytest.mark.parametrize(("words", "sharpen"), [((), False), (("--sharpen",), True)])
def test_the_painted_part_is_sharpened_if_asked(command, photo, tmp_path, options, words, sharpen):
    assert command("run", photo(), "-o", tmp_path / "out", *words).exit_code == 0

    assert [one.sharpen for one in options] == [sharpen]


def test_a_lower_quality_makes_a_smaller_jpeg(command, photo, tmp_path):
    sizes = []
    for words in (("--quality", 30), (), ("--quality", 100)):
        command("run", photo("photo.jpg"), "-o", tmp_path / "out", *words)
        sizes.append((tmp_path / "out" / "photo.jpg").stat().st_size)

    assert sizes == sorted(set(sizes))


def test_the_default_quality_is_the_services():
    assert ApiSettings().quality == QUALITY


@pytest.mark.parametrize("quality", [0, 101])
def test_a_quality_that_the_api_refuses_is_wrong_use(command, photo, tmp_path, quality):
    result = command("run", photo(), "-o", tmp_path / "out", "--quality", quality)

    assert result.exit_code == 2
