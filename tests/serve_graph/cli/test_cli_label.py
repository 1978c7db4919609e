import json
import signal

import numpy as np
import pytest

from models.training.frames import load_faces
from models.training.label import KEPT_PX
from models.training.pictures import write_image, write_landmarks
from models.training.sources import read_source
from serve_graph.cli import label

pytestmark = pytest.mark.usefixtures("seeing")


def test_the_faces_of_photos_become_a_source_of_training(command, photo, tmp_path):
    folder = photo("one.png", masked=False).parent
    photo("two.jpg", masked=False)

    result = command("label", folder, tmp_path / "data" / "mine")

    assert result.exit_code == 0, result.stderr
    faces = list(read_source(tmp_path / "data", "mine"))
    assert [face.name for face in faces] == ["one.png", "two.jpg"]
    for face in faces:
        assert face.image.shape == (KEPT_PX, KEPT_PX, 3)
        assert face.landmarks.shape == (68, 2)
        assert ((face.landmarks > 0) & (face.landmarks < KEPT_PX)).all()
    assert len(load_faces(tmp_path / "data", ["mine"], tmp_path / "cache")) == 2


def test_the_points_are_marked_as_guesses(command, photo, tmp_path):
    command("label", photo("one.png", masked=False).parent, tmp_path / "out")

    assert np.load(tmp_path / "out" / "labels.npz")["guessed"]


@pytest.mark.parametrize(("words", "kept"), [((), "bare.png"), (("--masked",), "masked.png")])
def test_bare_or_masked_faces_are_kept(command, photo, tmp_path, words, kept):
    folder = photo("bare.png", masked=False).parent
    photo("masked.png")

    result = command("label", folder, tmp_path / "out", *words)

    assert result.exit_code == 0, result.stderr
    assert np.load(tmp_path / "out" / "labels.npz")["name"].tolist() == [kept]
    assert [path.stem for path in (tmp_path / "out").glob("*.webp")] == [kept]


def test_photos_of_one_name_keep_both_faces(command, photo, tmp_path):
    folder = photo("one.jpg", masked=False).parent
    photo("one.png", masked=False)

    command("label", folder, tmp_path / "out")

    assert np.load(tmp_path / "out" / "labels.npz")["name"].tolist() == ["one.jpg", "one.png"]


def test_a_bad_photo_is_named_and_the_others_are_kept(command, photo, tmp_path):
    folder = photo("good.png", masked=False).parent
    (folder / "bad.png").write_bytes(b"no picture")

    result = command("label", folder, tmp_path / "out")

    assert result.exit_code == 1
    assert "bad.png" in result.stderr
    assert np.load(tmp_path / "out" / "labels.npz")["name"].tolist() == ["good.png"]


def test_a_photo_whose_name_leaves_no_room_for_a_suffix_is_named_and_the_others_kept(
    command, photo, tmp_path
):
    folder = photo("good.png", masked=False).parent
    photo(f"{'é' * 124}.png", masked=False)  # two bytes each: 252, and .webp makes it 257

    result = command("label", folder, tmp_path / "out")

    assert result.exit_code == 1
    assert "with .webp its name has 257 bytes, and a disk takes 255: shorten it" in result.stderr
    assert names_in(tmp_path / "out") == ["good.png"]
    assert not (tmp_path / "out" / "unfinished.json").exists()


def test_photos_without_such_a_face_are_an_error(command, photo, tmp_path):
    folder = photo("bare.png", masked=False).parent
    photo("nobody.png", face=False)

    result = command("label", folder, tmp_path / "out", "--masked")

    assert result.exit_code == 1
    assert "no masked face" in result.stderr


def test_faces_of_an_earlier_call_are_not_overwritten(command, photo, tmp_path):
    folder = photo("bare.png", masked=False).parent
    command("label", folder, tmp_path / "out")

    result = command("label", folder, tmp_path / "out")

    assert result.exit_code == 2
    assert "holds faces already" in result.stderr


def names_in(out):
    return np.load(out / "labels.npz")["name"].tolist()


@pytest.fixture
def stop_at(monkeypatch):
    """Sends signals, or raises an error, when a photo is read; returns the names of those read."""
    read, own = [], label.read_photo

    def begin(name="", *signals, error=None):
        def read_photo(path):
            read.append(path.name)
            if path.name == name and read.count(name) == 1:
                for number in signals:
                    signal.raise_signal(number)
                if error:
                    raise error
            return own(path)

        monkeypatch.setattr(label, "read_photo", read_photo)
        return read

    return begin


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stopped_command_keeps_its_labels_and_goes_on(command, photo, tmp_path, stop_at, number):
    folder, out = photo("a.png", masked=False).parent, tmp_path / "out"
    photo("b.png", face=False)
    photo("c.png", masked=False)
    read = stop_at("c.png", number)

    stopped = command("label", folder, out)

    assert stopped.exit_code == 130
    assert "Stopped after 2 of 3 photos: run the same command again to continue." in stopped.stderr
    assert names_in(out) == ["a.png"]
    again = command("label", folder, out)
    assert again.exit_code == 0, again.stderr
    assert names_in(out) == ["a.png", "c.png"]
    assert read == ["a.png", "b.png", "c.png", "c.png"]
    assert sorted(path.name for path in out.iterdir()) == ["a.png.webp", "c.png.webp", "labels.npz"]
    assert "holds faces already" in command("label", folder, out).stderr


def test_an_unexpected_error_keeps_the_labels_too(command, photo, tmp_path, stop_at):
    folder = photo("a.png", masked=False).parent
    photo("b.png", masked=False)
    stop_at("b.png", error=RuntimeError("no memory"))

    command("label", folder, tmp_path / "out")

    assert names_in(tmp_path / "out") == ["a.png"]
    assert command("label", folder, tmp_path / "out").exit_code == 0
    assert names_in(tmp_path / "out") == ["a.png", "b.png"]


def test_labels_are_written_now_and_then_for_the_case_of_a_kill(
    command, photo, tmp_path, monkeypatch
):
    folder = photo("a.png", masked=False).parent
    photo("b.png", masked=False)
    monkeypatch.setattr("models.training.label.SAVE_EVERY", 1)
    monkeypatch.setattr("models.training.label.SourceFolder.finish", lambda _: None)

    command("label", folder, tmp_path / "out")

    assert names_in(tmp_path / "out") == ["a.png", "b.png"]
    notes = json.loads((tmp_path / "out" / "unfinished.json").read_text())
    assert notes["looked"] == ["a.png", "b.png"]


def test_another_command_does_not_go_on_with_a_stopped_one(command, photo, tmp_path, stop_at):
    folder = photo("a.png", masked=False).parent
    stop_at("a.png", signal.SIGTERM)
    command("label", folder, tmp_path / "out")

    result = command("label", folder, tmp_path / "out", "--masked")

    assert result.exit_code == 2
    assert "another source" in result.stderr


def test_other_weights_do_not_go_on_with_a_stopped_command(
    command, photo, tmp_path, stop_at, tiny_weights
):
    folder, out = photo("a.png", masked=False).parent, tmp_path / "out"
    stop_at("a.png", signal.SIGTERM)
    command("label", folder, out)
    manifest = json.loads((tiny_weights / "manifest.json").read_text())
    (tmp_path / "manifest.json").write_text(json.dumps(manifest | {"version": "newer"}))

    result = command("label", folder, out, weights=tmp_path)

    assert result.exit_code == 2
    assert "another source" in result.stderr


def test_notes_of_an_older_version_which_name_no_weights_are_gone_on_with(
    command, photo, tmp_path, stop_at
):
    folder, out = photo("a.png", masked=False).parent, tmp_path / "out"
    stop_at("a.png", signal.SIGTERM)
    command("label", folder, out)
    notes = json.loads((out / "unfinished.json").read_text())
    del notes["asked"]["weights"]
    (out / "unfinished.json").write_text(json.dumps(notes))

    assert command("label", folder, out).exit_code == 0


def fill_disk_at(monkeypatch, place, own):
    """Lets a function fail the second time, as on a full disk."""
    calls = []

    def write(*args, **options):
        calls.append(args)
        if len(calls) == 2:
            raise OSError("no space left")
        return own(*args, **options)

    monkeypatch.setattr(place, write)


@pytest.mark.parametrize("own", [write_image, write_landmarks])
def test_a_full_disk_stops_the_command_and_the_same_one_goes_on(
    command, photo, tmp_path, stop_at, monkeypatch, own
):
    folder, out = photo("a.png", masked=False).parent, tmp_path / "out"
    for name in ("b.png", "c.png"):
        photo(name, masked=False)
    read = stop_at()
    monkeypatch.setattr("models.training.label.SAVE_EVERY", 1)
    fill_disk_at(monkeypatch, f"models.training.label.{own.__name__}", own)

    stopped = command("label", folder, out)

    assert stopped.exit_code == 1
    assert f"{out} can't be written to (no space left): make room" in stopped.stderr
    assert names_in(out)[0] == "a.png"
    assert read == ["a.png", "b.png"]
    assert command("label", folder, out).exit_code == 0
    assert names_in(out) == ["a.png", "b.png", "c.png"]
