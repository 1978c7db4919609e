import re
import subprocess
import time
from contextlib import nullcontext
from pathlib import Path

import pytest
import typer

from serve_graph.cli.files import check_written, pictures_of

GUIDE = Path(__file__).parents[3] / "docs" / "training.md"


@pytest.fixture
def people(tmp_path):
    """A folder per person, and hidden ones, as macOS and others leave them."""
    for name in ("ann/1.jpg", "bob/1.jpg", ".thumbs/1.jpg", "bob/.1.jpg", "cat/1.jpg", "dan/x.png"):
        path = tmp_path / "people" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return tmp_path / "people"


@pytest.mark.parametrize("command_name", ["label", "synth"])
def test_folders_of_a_folder_without_pictures_are_named(command, people, tmp_path, command_name):
    result = command(command_name, people, tmp_path / "out")

    assert result.exit_code == 2
    assert "aren't searched (ann, bob, cat and 1 more)" in result.stderr
    assert "collect their photos in one folder" in result.stderr


@pytest.mark.parametrize("words", [("expressions", "-o"), ("synth", "out", "--sheet")])
def test_a_sheet_whose_name_has_no_ending_is_refused_at_once(command, people, tmp_path, words):
    name, *others = words

    result = command(name, people / "bob", *others, "sheet", weights=tmp_path / "none")

    assert result.exit_code == 2
    assert "sheet: end the name in one of .jpg, .jpeg, .png, .webp." in result.stderr


def test_an_empty_folder_holds_no_picture(tmp_path):
    with pytest.raises(typer.BadParameter, match=r"holds no picture \(.*\)\.$"):
        pictures_of(tmp_path)


def test_hidden_pictures_are_left_out(people):
    assert [path.name for path in pictures_of(people / "bob")] == ["1.jpg"]


def test_a_folder_of_many_photos_is_listed_within_a_second(tmp_path):
    for number in range(10_000):
        (tmp_path / f"{number}.jpg").touch()
    start_s = time.process_time()

    assert len(pictures_of(tmp_path)) == 10_000
    assert time.process_time() - start_s < 1


@pytest.fixture
def mixed(tmp_path):
    """Makes a folder with a photo and with what the argument names."""

    def make(*others):
        (tmp_path / "1.jpg").touch()
        for name in others:
            (tmp_path / name).mkdir() if name.endswith("/") else (tmp_path / name).touch()
        return tmp_path

    return make


@pytest.mark.parametrize(
    ("others", "told"),
    [
        (("2.png", ".hidden.avif"), ""),
        (("person.avif", "sub/"), "left out: person.avif (format), 1 folder (sub)\n"),
        (("a/", "b.jpg/"), "left out: 2 folders (a, b.jpg)\n"),
        (
            ("a.gif", "b.gif", "c.gif", "d.gif"),
            "left out: a.gif, b.gif, c.gif and 1 more (format)\n",
        ),
    ],
)
def test_what_a_folder_holds_beside_its_pictures_is_told(mixed, capsys, others, told):
    pictures_of(mixed(*others))

    assert capsys.readouterr().err == told


def test_the_guides_lines_put_the_photos_of_all_into_one_folder(people):
    lines = re.search(r"^mkdir flat\n.*$", GUIDE.read_text(), re.MULTILINE)[0]

    subprocess.run(["sh", "-c", lines], cwd=people.parent, check=True)

    names = [path.name for path in pictures_of(people.parent / "flat")]
    assert names == ["ann_1.jpg", "bob_1.jpg", "cat_1.jpg", "dan_x.png"]


@pytest.mark.parametrize(
    ("second", "written", "message"),
    [
        ("in/1.JPG", "out/1.JPG", "1.HEIC and 1.JPG would both become 1.JPG"),
        ("in/2.JPG", "IN/2.jpg", "IN/2.jpg would overwrite an input"),
        ("in/2.JPG", "out/2.JPG", None),
    ],
)
def test_names_that_differ_in_their_case_are_one_file_on_some_disks(second, written, message):
    files = {Path("in/1.HEIC"): [Path("out/1.jpg")], Path(second): [Path(written)]}

    with pytest.raises(typer.BadParameter, match=message) if message else nullcontext():
        check_written(files)
