import csv
import json
import shutil
import subprocess
import sys
from io import StringIO

import numpy as np
import pytest
from PIL import Image as PilImage
from typer.testing import CliRunner

from models.training.masks import KINDS
from serve_graph import launch
from serve_graph.cli import app

pytestmark = pytest.mark.usefixtures("seeing")

SKIN, CLOTH = (200, 150, 130), (220, 40, 40)
SHAPE = (280, 300, 3)


@pytest.fixture
def command(tiny_weights):
    """Runs `mask2face` with tiny nets."""

    def run(*words, weights=tiny_weights):
        end = ["--weights", weights] if weights else []
        return CliRunner().invoke(app, [str(word) for word in (*words, *end)])

    return run


@pytest.fixture
def photo(tmp_path):
    """Writes a photo of one face."""

    def write(name="photo.png", masked=True, face=True, **options):
        pixels = np.full(SHAPE, SKIN, np.uint8)
        pixels[80:92, 80:176] = 30
        if masked:
            pixels[120:210, 70:190] = CLOTH
        if not face:
            pixels[:4, :4] = 0
        path = tmp_path / "in" / name
        path.parent.mkdir(exist_ok=True)
        PilImage.fromarray(pixels).save(path, **options)
        return path

    return write


def pixels_of(path):
    with PilImage.open(path) as picture:
        return np.asarray(picture.convert("RGB")).astype(int)


def rows_of(text):
    return list(csv.DictReader(StringIO(text)))


class TestMask2Face:
    def test_help_answers_without_torch_and_ray(self):
        script = (
            "import sys; from serve_graph.cli import app; app(['--help'], standalone_mode=False);"
            "assert not {'torch', 'ray', 'cv2', 'numpy'} & set(sys.modules)"
        )
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)

        assert done.returncode == 0, done.stderr
        for name in ("serve", "run", "detect", "wear", "evaluate", "train", "weights"):
            assert f" {name} " in done.stdout

    def test_wrong_use_is_told_in_one_line_with_code_2(self, command, tmp_path):
        result = command("run", tmp_path / "nowhere.jpg", "-o", tmp_path / "out")

        assert result.exit_code == 2
        assert len(result.stderr.splitlines()) == 1
        assert "does not exist" in result.stderr

    def test_missing_weights_are_told_in_one_line_with_code_1(self, command, photo, tmp_path):
        result = command("run", photo(), "-o", tmp_path / "out", weights=tmp_path / "none")

        assert result.exit_code == 1
        assert len(result.stderr.splitlines()) == 1
        assert "manifest.json is missing" in result.stderr


class TestRun:
    def test_a_photo_comes_back_with_only_its_mask_changed(self, command, photo, tmp_path):
        path = photo()

        result = command("run", path, "-o", tmp_path / "out.png")

        assert result.exit_code == 0, result.stderr
        before, after = pixels_of(path), pixels_of(tmp_path / "out.png")
        assert (before[:110] == after[:110]).all()
        assert (before[130:200, 80:180] != after[130:200, 80:180]).mean() > 0.5

    def test_each_photo_of_a_folder_keeps_its_name_and_format(self, command, photo, tmp_path):
        folder = photo("one.jpg").parent
        photo("two.webp")

        assert command("run", folder, "-o", tmp_path / "out").exit_code == 0

        with PilImage.open(tmp_path / "out" / "one.jpg") as one:
            assert one.format == "JPEG"
        with PilImage.open(tmp_path / "out" / "two.webp") as two:
            assert two.format == "WEBP"

    def test_heic_is_answered_as_jpeg(self, command, photo, tmp_path):
        import pillow_heif

        pillow_heif.register_heif_opener()
        photo("phone.heic")

        assert command("run", tmp_path / "in", "-o", tmp_path / "out").exit_code == 0
        assert (tmp_path / "out" / "phone.jpg").is_file()

    def test_a_bad_file_is_reported_and_the_rest_goes_on(self, command, photo, tmp_path):
        folder = photo("good.png").parent
        (folder / "bad.jpg").write_bytes(b"no picture")

        result = command("run", folder, "-o", tmp_path / "out")

        assert result.exit_code == 1
        assert "bad.jpg: This is not a JPEG" in result.stderr
        assert "1 of 2 pictures failed" in result.stderr
        assert (tmp_path / "out" / "good.png").is_file()

    def test_a_photo_without_a_face_is_reported(self, command, photo, tmp_path):
        result = command("run", photo(face=False), "-o", tmp_path / "out")

        assert result.exit_code == 1
        assert "No face was found" in result.stderr

    def test_a_bare_face_stays_as_it_is(self, command, photo, tmp_path):
        path = photo(masked=False)

        result = command("run", path, "-o", tmp_path / "out.png")

        assert result.exit_code == 0
        assert "nobody wears a mask" in result.stderr
        assert (pixels_of(path) == pixels_of(tmp_path / "out.png")).all()

    def test_the_input_is_never_overwritten(self, command, photo):
        path = photo()
        before = path.read_bytes()

        assert command("run", path, "-o", path).exit_code == 2
        assert command("run", path.parent, "-o", path.parent).exit_code == 2
        assert path.read_bytes() == before

    def test_two_photos_never_become_one_file(self, command, photo, tmp_path):
        folder = photo("same.jpg").parent
        (folder / "same.heic").write_bytes(b"")

        result = command("run", folder, "-o", tmp_path / "out")

        assert result.exit_code == 2
        assert "same.heic and same.jpg would both become same.jpg" in result.stderr

    def test_a_format_that_cannot_be_written_is_refused(self, command, photo, tmp_path):
        result = command("run", photo(), "-o", tmp_path / "out.gif")

        assert result.exit_code == 2
        assert "write one of" in result.stderr

    def test_a_folder_without_pictures_is_wrong_use(self, command, tmp_path):
        (tmp_path / "note.txt").write_text("hello")

        assert command("run", tmp_path, "-o", tmp_path / "out").exit_code == 2

    def test_panels_show_photo_mask_and_painted_face(self, command, photo, tmp_path):
        path = photo()

        assert command("run", path, "-o", tmp_path / "out", "--panels").exit_code == 0

        panels = pixels_of(tmp_path / "out" / "photo_panels.jpg")
        assert panels.shape == (SHAPE[0], 3 * SHAPE[1], 3)
        result = pixels_of(tmp_path / "out" / "photo.png")
        expected = np.concatenate([pixels_of(path), result], axis=1)
        shown = np.delete(panels, np.s_[SHAPE[1] : 2 * SHAPE[1]], axis=1)
        assert abs(shown - expected).mean() < 3
        tinted = panels[165, SHAPE[1] + 128] - CLOTH
        assert tinted[2] > 10  # towards the tint's blue

    def test_with_a_reference_a_fourth_panel_shows_the_swap(self, command, photo, tmp_path):
        me = photo("me.png", masked=False)

        result = command("run", photo(), "-o", tmp_path / "out", "--reference", me, "--panels")

        assert result.exit_code == 0, result.stderr
        panels = pixels_of(tmp_path / "out" / "photo_panels.jpg")
        assert panels.shape[1] == 4 * SHAPE[1]
        painted, swapped = panels[:, 2 * SHAPE[1] : 3 * SHAPE[1]], panels[:, 3 * SHAPE[1] :]
        assert abs(painted - swapped)[130:200, 80:180].mean() > 5

    def test_a_masked_reference_ends_the_run_at_once(self, command, photo, tmp_path):
        me = photo("me.png", masked=True)
        photo("other.png")

        result = command("run", me.parent, "-o", tmp_path / "out", "--reference", me)

        assert result.exit_code == 1
        assert "The face in the reference photo wears a mask" in result.stderr.splitlines()[-1]
        assert not (tmp_path / "out").exists()

    def test_a_changed_photo_says_that_it_was_made_with_ai(self, command, photo, tmp_path):
        assert command("run", photo(), "-o", tmp_path / "out").exit_code == 0

        data = (tmp_path / "out" / "photo.png").read_bytes()
        assert b"compositeWithTrainedAlgorithmicMedia" in data


class TestDetect:
    def test_each_face_gets_a_row(self, command, photo, tmp_path):
        photo("a.png")
        photo("b.png", masked=False)
        photo("c.png", face=False)

        result = command("detect", tmp_path / "in", "--csv", tmp_path / "faces.csv")

        assert result.exit_code == 0, result.stderr
        masked, bare = rows_of((tmp_path / "faces.csv").read_text())
        assert (masked["file"], masked["face"], bare["file"]) == ("a.png", "0", "b.png")
        assert [float(masked[side]) for side in ("x0", "y0", "x1", "y1")] == [40, 30, 216, 230]
        assert float(masked["mask_probability"]) == pytest.approx(0.9)
        assert float(masked["coverage"]) == pytest.approx(90 * 120 / 256**2, abs=1e-4)
        assert float(bare["mask_probability"]) == pytest.approx(0.1)
        assert "c.png: no face" in result.stderr

    def test_a_bad_file_leaves_the_rows_of_the_others(self, command, photo, tmp_path):
        folder = photo("good.png").parent
        (folder / "bad.png").write_bytes(b"no picture")

        result = command("detect", folder, "--csv", tmp_path / "faces.csv")

        assert result.exit_code == 1
        assert len(rows_of((tmp_path / "faces.csv").read_text())) == 1

    def test_without_a_file_the_rows_go_to_standard_output(self, command, photo):
        result = command("detect", photo())

        assert rows_of(result.stdout)[0]["file"] == "photo.png"


class TestWear:
    @pytest.fixture
    def worn(self, command, photo, tmp_path):
        def run(*words, name="worn.png"):
            path = photo(masked=False)
            result = command("wear", path, "-o", tmp_path / name, *words)
            assert result.exit_code == 0, result.stderr
            return pixels_of(path), pixels_of(tmp_path / name)

        return run

    def test_the_mask_file_has_every_changed_pixel_but_for_the_shadow(self, worn, tmp_path):
        before, after = worn("--kind", "surgical_blue", "--seed", 3)

        mask = pixels_of(tmp_path / "worn_mask.png")[..., 0]
        assert set(np.unique(mask)) == {0, 255}
        assert 0.03 < (mask == 255).mean() < 0.6
        changed = (before != after).any(axis=2)
        assert changed[mask == 255].mean() > 0.98
        darker = (after <= before).all(axis=2)
        assert darker[changed & (mask == 0)].all()

    def test_the_same_seed_draws_the_same_mask(self, worn):
        _, first = worn("--seed", 7, name="first.png")
        _, again = worn("--seed", 7, name="again.png")
        _, other = worn("--seed", 8, name="other.png")

        assert (first == again).all()
        assert (first != other).any()

    def test_a_face_that_wears_a_mask_already_is_left_alone(self, command, photo, tmp_path):
        result = command("wear", photo(), "-o", tmp_path / "worn.png")

        assert result.exit_code == 1
        assert "face 0 wears a mask already" in result.stderr
        assert not (tmp_path / "worn.png").exists()

    def test_an_unknown_kind_is_refused_with_the_known_ones(self, command, photo, tmp_path):
        result = command("wear", photo(), "-o", tmp_path / "worn.png", "--kind", "helmet")

        assert result.exit_code == 2
        assert all(kind in result.stderr for kind in KINDS)


class TestWeights:
    def test_verify_prints_each_net_with_its_cost(self, command):
        result = command("weights", "verify")

        assert result.exit_code == 0, result.stderr
        lines = {line.split()[1]: line for line in result.stdout.splitlines() if "ok" in line}
        assert set(lines) == {"crop", "mask", "landmarks", "inpaint", "a"}

    def test_verify_names_a_tampered_file(self, command, tiny_weights, tmp_path):
        weights = shutil.copytree(tiny_weights, tmp_path / "weights")
        data = bytearray((weights / "mask.safetensors").read_bytes())
        data[-1] ^= 1
        (weights / "mask.safetensors").write_bytes(data)

        result = command("weights", "verify", weights=weights)

        assert result.exit_code == 1
        assert "mask.safetensors is not the file that the manifest pins" in result.stderr
        assert result.stdout.count("ok") == 4

    def test_verify_refuses_a_net_over_its_budget(self, command, monkeypatch):
        monkeypatch.setattr("models.budgets.FACE_BUDGET_GMAC", 1e-6)

        result = command("weights", "verify")

        assert result.exit_code == 1
        assert "a face takes" in result.stderr

    def test_pin_adds_a_net_and_gives_a_new_version(self, command, tiny_weights, tmp_path):
        weights = tmp_path / "weights"
        versions = []
        for name in ("mask", "crop"):
            file = tiny_weights / f"{name}.safetensors"
            result = command("weights", "pin", name, file, "--trained", "never", weights=weights)
            assert result.exit_code == 0, result.stderr
            versions.append(json.loads((weights / "manifest.json").read_text())["version"])

        nets = json.loads((weights / "manifest.json").read_text())["nets"]
        assert set(nets) == {"mask", "crop"}
        assert nets["mask"]["trained"] == "never"
        assert versions[0] != versions[1]

    def test_pin_refuses_the_file_of_another_net(self, command, tiny_weights, tmp_path):
        file = tiny_weights / "mask.safetensors"

        result = command("weights", "pin", "crop", file, "--trained", "x", weights=tmp_path / "new")

        assert result.exit_code == 1
        assert "doesn't hold a FaceDetector" in result.stderr
        assert not (tmp_path / "new").exists()


class TestTrainAndEvaluate:
    def test_train_refuses_an_unknown_net(self, command, tmp_path):
        result = command("train", "nose", tmp_path)

        assert result.exit_code == 2
        assert "none of crop, mask, landmarks, inpaint" in result.stderr

    def test_train_names_a_wrong_key_of_the_config(self, command, tmp_path):
        (tmp_path / "mask.yaml").write_text("seed: 1\ncolour: red\n")

        result = command("train", "mask", tmp_path, "--config", tmp_path / "mask.yaml")

        assert result.exit_code == 2
        assert "colour" in result.stderr

    def test_evaluate_prints_and_writes_the_report(self, command, photo, tmp_path):
        root = tmp_path / "eval"
        for kind, path in (("truth", photo("bare.png", masked=False)), ("masked", photo())):
            (root / kind).mkdir(parents=True)
            shutil.copy(path, root / kind / "1.png")
        mask = np.zeros(SHAPE[:2], np.uint8)
        mask[120:210, 70:190] = 255
        (root / "mask").mkdir()
        PilImage.fromarray(mask).save(root / "mask" / "1.png")
        (root / "index.csv").write_text("id,source,mask_kind\n1,here,cloth\n")

        result = command("evaluate", root, "-o", tmp_path / "out", "--no-baselines")

        assert result.exit_code == 0, result.stderr
        assert "| found mask |" in result.stdout
        assert json.loads((tmp_path / "out" / "report.json").read_text())["weights"] == "tiny"

    def test_evaluate_says_what_is_missing_in_the_folder(self, command, tmp_path):
        result = command("evaluate", tmp_path, "-o", tmp_path / "out")

        assert result.exit_code == 1
        assert "index.csv is missing" in result.stderr


class TestServe:
    def test_the_config_is_served_with_what_the_options_say(self, command, monkeypatch, tmp_path):
        config, served = tmp_path / "graph.yaml", []
        config.write_text("applications: []")
        monkeypatch.setattr(launch, "serve", lambda *given: served.append(given))

        result = command("serve", config, "--port", 81, "--device", "cpu", weights=None)

        assert result.exit_code == 0, result.stderr
        assert served == [(config, 81, "cpu", None)]

    def test_each_thing_wrong_with_the_config_gets_a_line(self, command, monkeypatch, tmp_path):
        config = tmp_path / "graph.yaml"
        config.write_text("applications: []")

        def refuse(*_):
            raise launch.ConfigError("one thing\nanother thing")

        monkeypatch.setattr(launch, "serve", refuse)

        result = command("serve", config, weights=None)

        assert result.exit_code == 2
        assert result.stderr.splitlines() == ["mask2face: one thing", "mask2face: another thing"]
