import json

import numpy as np
import pytest
from PIL import Image

from models.errors import BadImageError
from models.photo.profiles import display_p3
from models.swap.swap import swap_face, warp_reference
from models.training.crop.labels import is_held_back
from models.training.evaluation.evaluate import Scenes
from models.training.evaluation.folder import EvalFolderError
from models.training.evaluation.report import summarize
from models.training.evaluation.residual import Judge, Sight
from models.training.evaluation.sheets import (
    write_bare_sheet,
    write_large_sheet,
    write_pair_sheets,
    write_real_sheets,
    write_swap_sheet,
)
from models.training.evaluation.write import write_report
from models.training.pictures import read_image, read_mask, write_image, write_landmarks, write_mask
from tests.models.training.evaluation.photos import covered, face, faceless, points

pytestmark = pytest.mark.usefixtures("seeing")

WAYS = {"found mask", "true mask", "true mask, ready crop", "true mask, ready crop, true points"}
BASELINES = {"copied", "mean face", "Telea", "Navier-Stokes"}


def test_each_picture_leaves_its_composite_and_its_mask(scored):
    for name in "123":
        assert read_image(scored.out / "composite" / f"{name}.png").shape == (256, 256, 3)
    np.testing.assert_array_equal(read_mask(scored.out / "mask" / "1.png"), covered())
    np.testing.assert_array_equal(read_mask(scored.out / "real" / "1.png"), covered())


def test_only_the_hole_is_painted(scored):
    masked = read_image(scored.folder / "masked" / "1.png")
    composite = read_image(scored.out / "composite" / "1.png")
    np.testing.assert_array_equal(composite[:110], masked[:110])
    assert (composite[covered()] != masked[covered()]).any()


def test_without_a_face_the_picture_counts_as_it_is(scored):
    missed = scored.result.pairs[2]

    assert not missed.found
    assert missed.iou == 0
    assert missed.marks["found mask"] == missed.marks["true mask"]
    composite = read_image(scored.out / "composite" / "3.png")
    np.testing.assert_array_equal(composite, read_image(scored.folder / "masked" / "3.png"))


def test_a_mask_found_exactly_paints_what_the_true_mask_paints(scored):
    marks = scored.result.pairs[0].marks

    assert marks["found mask"].psnr == pytest.approx(marks["true mask"].psnr, abs=0.05)


def test_a_ready_crop_is_painted_even_where_no_face_is_found(scored):
    missed = scored.result.pairs[2]

    assert set(missed.marks) == WAYS
    ready = missed.marks["true mask, ready crop"]
    assert ready != missed.marks["true mask"]
    assert ready != missed.marks["true mask, ready crop, true points"]


def test_the_true_points_are_those_of_the_truth(score, monkeypatch):
    drawn = []
    monkeypatch.setattr(
        "models.inpaint.paint.draw_lines",
        lambda own, hole: drawn.append(own) or np.zeros(hole.shape, np.uint8),
    )

    score(limit=1)

    np.testing.assert_allclose(drawn[3], points(), atol=0.01)


def test_without_landmarks_only_the_found_frame_is_painted(score, folder):
    (folder / "landmarks.npz").unlink()

    result = score()

    assert set(result.pairs[0].marks) == {"found mask", "true mask"}
    assert result.pairs[0].view == "unknown"
    assert result.bare == []


def test_guessed_landmarks_are_no_truth(score, folder):
    write_landmarks(folder / "landmarks.npz", {name: points() for name in "123"}, guessed=True)

    result = score()

    assert set(result.pairs[0].marks) == {"found mask", "true mask"}
    assert result.bare == []
    assert summarize(result).landmarks["lips and jaw"] is None


def test_hidden_landmarks_are_scored_where_a_face_was_painted(scored):
    pairs = scored.result.pairs

    assert pairs[0].landmarks["lips"] > 0
    assert pairs[2].landmarks == {}
    assert pairs[2].ready_landmarks["lips"] > 0


def test_bare_faces_are_scored_in_both_frames(score, folder, tmp_path):
    write_image(folder / "truth" / "2.png", faceless(face()))

    scores = score().bare

    assert [one.found for one in scores] == [True, False, True]
    assert not any(one.worn for one in scores)
    assert scores[0].landmarks == pytest.approx(scores[0].ready, abs=0.02)
    assert (scores[1].landmarks, scores[1].ready["all"] > 0) == ({}, True)
    assert read_image(tmp_path / "out" / "bare" / "2.png").shape == (256, 256, 3)


def test_the_judge_looks_at_each_found_face(score, judge, tmp_path):
    result = score(judge=judge)

    assert set(result.pairs[0].sights) == {"masked", "painted", "bare"}
    assert result.pairs[2].sights == {}
    assert set(result.real[0].sights) == {"masked", "painted"}
    assert read_image(tmp_path / "out" / "residual" / "1.png").shape == (256, 256, 3)


def test_without_a_judge_nobody_looks(scored):
    assert scored.result.pairs[0].sights == scored.result.real[0].sights == {}
    assert summarize(scored.result).sights == {}


def test_a_face_that_was_not_found_keeps_its_mask(score, judge, monkeypatch):
    nothing = Sight(0.0, face())
    monkeypatch.setattr(Judge, "look", lambda *_: nothing)

    sights = summarize(score(judge=judge)).sights

    assert sights["painted"].value == pytest.approx(1 / 3)
    assert sights["masked"].value == 0


def test_the_compute_of_each_net_is_counted(scored):
    assert all(gmac > 0 for gmac in scored.result.compute.values())
    assert set(scored.result.compute) == {"crop", "mask", "landmarks", "inpaint"}


def test_a_swap_is_more_like_the_reference_than_like_the_painted_face(scored):
    (swap,) = scored.result.swaps

    assert swap.marks.to_reference > swap.marks.to_painted
    assert read_image(scored.out / "swap" / "1.png").shape == (256, 256, 3)


def test_a_swap_is_compared_with_the_reference_that_was_swapped_in(score, folder, monkeypatch):
    own, given = folder / "swap" / "reference" / "1.png", []
    Image.fromarray(face()).save(own, icc_profile=display_p3())

    def lay(reference, painted, landmarks, hole):
        given.append(reference.face)
        return warp_reference(reference, painted, landmarks, hole)

    def swap(painted, landmarks, hole, reference, *ways):
        given.append(reference.face)
        return swap_face(painted, landmarks, hole, reference, *ways)

    monkeypatch.setattr("models.training.evaluation.swaps.warp_reference", lay)
    monkeypatch.setattr("models.stages.swap_face", swap)

    score()

    np.testing.assert_array_equal(*given)


def test_a_reference_without_a_face_leaves_the_person_unswapped(score, folder, tmp_path):
    write_image(folder / "swap" / "reference" / "1.png", np.zeros((256, 256, 3), np.uint8))

    assert score().swaps[0].marks is None
    result = read_image(tmp_path / "out" / "swap" / "1.png")
    np.testing.assert_array_equal(result, read_image(folder / "swap" / "masked" / "1.png"))


def test_the_baselines_are_scored_beside_the_service(score):
    marks = score(baselines=True).pairs[0].marks

    assert set(marks) - WAYS == BASELINES
    assert marks["mean face"].psnr == pytest.approx(100)  # all truths are alike


def test_the_mean_face_is_that_of_the_other_pictures(score, folder):
    write_image(folder / "truth" / "1.png", np.full((256, 256, 3), 90, np.uint8))

    first, second, _ = (pair.marks["mean face"] for pair in score(baselines=True).pairs)

    # The others of the first are alike; of those of the second, one is the odd one.
    assert first.hole_psnr == pytest.approx(psnr_of(face(), 90), abs=0.01)
    assert second.hole_psnr == pytest.approx(psnr_of(face(), (face() + 90.0) / 2), abs=0.1)


def psnr_of(truth, guess):
    errors = (truth.astype(float) - guess)[covered()] / 255
    return -10 * np.log10((errors**2).mean())


def test_a_lone_picture_has_no_mean_face(score):
    (pair,) = score(baselines=True, limit=1).pairs

    assert set(pair.marks) - WAYS == BASELINES - {"mean face"}


def test_the_baselines_can_be_left_out(score):
    assert not BASELINES & set(score(baselines=False).pairs[0].marks)


def test_truths_of_several_sizes_have_no_mean_face(score, folder):
    for kind in ("truth", "masked"):
        write_image(folder / kind / "3.png", np.zeros((280, 256, 3), np.uint8))
    write_mask(folder / "mask" / "3.png", np.ones((280, 256), bool))

    assert set(score(baselines=True).pairs[0].marks) - WAYS == BASELINES - {"mean face"}


@pytest.mark.parametrize("part", [".", "real", "swap"])
def test_a_blank_mask_is_refused_before_the_long_work(score, folder, tmp_path, part):
    path = folder / part / "mask" / "1.png"
    write_mask(path, np.zeros((256, 256), bool))

    with pytest.raises(EvalFolderError, match=f"{path} is blank"):
        score()
    assert not (tmp_path / "out").exists()


def test_a_blank_mask_beyond_the_limit_is_not_looked_at(score, folder):
    write_mask(folder / "mask" / "2.png", np.zeros((256, 256), bool))

    assert len(score(limit=1).pairs) == 1


def test_a_limit_bounds_the_pictures(score):
    assert [pair.id for pair in score(limit=1).pairs] == ["1"]


def test_scenes_score_the_detector(score, tmp_path):
    write_image(tmp_path / "scenes" / "one.png", face())
    boxes = {"one.png": [{"label": "without_mask", "box": [40, 30, 216, 230]}]}
    (tmp_path / "scenes" / "boxes.json").write_text(json.dumps(boxes))

    result = score(scenes=Scenes(tmp_path / "scenes", held_back=False))

    assert result.scenes.faces == 1
    assert (tmp_path / "out" / "strays.csv").exists()


def test_verdicts_in_the_output_folder_outlive_another_evaluation(score, tmp_path):
    write_image(tmp_path / "scenes" / "one.png", face())
    (tmp_path / "scenes" / "boxes.json").write_text(json.dumps({"one.png": []}))
    (tmp_path / "out").mkdir()
    strays = tmp_path / "out" / "strays.csv"
    strays.write_text("photo,x0,y0,x1,y1,verdict\none.png,1,2,3,4,false\n")

    score(limit=1, scenes=Scenes(tmp_path / "scenes", held_back=False))

    assert ",one.png,1.0,2.0,3.0,4.0,false,,\n" in strays.read_text()


def test_the_missed_masked_faces_of_scenes_are_drawn(score, tmp_path):
    write_image(tmp_path / "scenes" / "one.png", face())
    boxes = {"one.png": [{"label": "with_mask", "box": [0, 0, 40, 40]}]}
    (tmp_path / "scenes" / "boxes.json").write_text(json.dumps(boxes))

    score(scenes=Scenes(tmp_path / "scenes", held_back=False))

    assert (tmp_path / "out" / "sheet_missed.jpg").exists()


def test_without_scenes_no_sheet_of_missed_faces_of_an_earlier_run_stays(score, tmp_path):
    sheet = tmp_path / "out" / "sheet_missed.jpg"
    write_image(sheet, face())

    score(limit=1)

    assert not sheet.exists()


def test_of_scenes_those_that_were_trained_on_can_be_left_out(score, tmp_path):
    names = [f"{index}.png" for index in range(12)]
    for name in names:
        write_image(tmp_path / "scenes" / name, face())
    box = {"label": "without_mask", "box": [40, 30, 216, 230]}
    (tmp_path / "scenes" / "boxes.json").write_text(json.dumps({name: [box] for name in names}))

    result = score(scenes=Scenes(tmp_path / "scenes", held_back=True))

    assert result.scenes.faces == sum(is_held_back(name) for name in names) < len(names)
    assert result.scenes_held_back


def test_scenes_without_boxes_are_refused_before_the_long_work(score, tmp_path):
    write_image(tmp_path / "scenes" / "one.png", face())

    with pytest.raises(EvalFolderError, match=r"boxes\.json"):
        score(scenes=Scenes(tmp_path / "scenes", held_back=False))
    assert not (tmp_path / "out").exists()


def test_the_worst_and_some_random_cases_are_drawn(score, judge, tmp_path):
    score(judge=judge)

    sheet = read_image(tmp_path / "out" / "sheet_psnr.jpg")
    assert sheet.shape == (2 * 256, 8 * 256, 3)
    names = {path.stem for path in (tmp_path / "out").glob("sheet_*.jpg")}
    marks = {"psnr", "ssim", "hole_psnr", "sharpness", "detail", "iou", "landmarks", "bare"}
    assert names == {f"sheet_{of}" for of in marks | {"random", "real", "residual", "swap"}}


def test_sheets_of_an_earlier_evaluation_do_not_stay(tmp_path):
    marks = ("psnr", "iou", "random", "landmarks", "bare", "real", "residual", "swap", "large")
    for name in marks:
        (tmp_path / f"sheet_{name}.jpg").touch()

    for write in (
        write_pair_sheets,
        write_bare_sheet,
        write_real_sheets,
        write_swap_sheet,
        write_large_sheet,
    ):
        write([], [], tmp_path)

    assert not list(tmp_path.iterdir())


def test_an_evaluation_knows_its_pictures_of_each_kind(scored):
    digests = scored.result.digests

    names = {kind: [*own] for kind, own in digests.items()}
    assert names == {"pictures": ["1", "2", "3"], "real masks": ["1"], "swaps": ["1"]}
    assert digests["pictures"]["1"] == digests["pictures"]["2"] != digests["pictures"]["3"]


def test_the_report_counts_by_source_and_kind(scored):
    report = summarize(scored.result)

    assert report.whole.mask.pictures == 3
    assert report.whole.mask.face_found == pytest.approx(2 / 3)
    assert report.by_source["b"].mask.face_found == 0.5
    assert report.by_kind["cup"].mask.pictures == 1
    assert report.by_view["frontal"].mask.pictures == 3
    assert report.real.iou.value == 1
    assert sum(own.pictures for own in report.real_by_view.values()) == 1


def test_the_report_is_written_for_machines_and_for_people(score, tmp_path):
    evaluation = score()

    text = write_report(evaluation, tmp_path / "out")

    content = json.loads((tmp_path / "out" / "report.json").read_text())
    assert content["weights"] == "tiny"
    assert len(content["scores"]["pairs"]) == 3
    psnr = summarize(evaluation).whole.marks["found mask"]["psnr"]
    assert f"| found mask | {psnr:.2f} |" in text
    assert (tmp_path / "out" / "report.md").read_text() == text


def test_a_picture_that_the_service_does_not_take_is_named_before_the_long_work(
    score, folder, tmp_path
):
    write_image(folder / "swap" / "masked" / "1.bmp", face(masked=True))

    with pytest.raises(BadImageError, match=r"masked/1\.bmp: "):
        score()
    assert not (tmp_path / "out").exists()
