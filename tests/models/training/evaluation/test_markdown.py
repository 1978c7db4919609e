import dataclasses

import pytest

from models.training.crop.score import LabelledFace, Operation, SceneScore, SizeRecall, StrayBox
from models.training.evaluation.goals import goal_table
from models.training.evaluation.large import LIFTED, SERVED
from models.training.evaluation.markdown import to_markdown
from models.training.evaluation.report import (
    BareReport,
    GroupReport,
    LargeReport,
    MaskReport,
    Report,
    SwapReport,
)
from models.training.evaluation.sections import scene_section
from models.training.statistics import Estimate

MARKS = {"psnr": 27.5, "ssim": 0.94, "hole_psnr": 20.0, "l1": 0.01, "sharpness": 1, "detail": 0.3}


def known(value):
    return Estimate(value, value, value)


@pytest.fixture
def report():
    marks = {name: known(value) for name, value in MARKS.items()}
    masks = MaskReport(3, 1.0, 1.0, known(0.97), 0.9)
    group = GroupReport(masks, {"found mask": marks})
    regions = {"lips and jaw": known(0.07), "all": known(0.035)}
    return Report(
        weights="tiny",
        judge="0123456789abcdef",
        compute={"crop": 1.3, "mask": 1.0, "inpaint": 4.5},
        whole=group,
        by_source={"here": group},
        by_kind={"cup": group},
        by_view={"profile": group},
        landmarks=regions,
        ready_landmarks=regions,
        bare=BareReport(3, 1.0, 0.5, regions, regions),
        real=masks,
        real_by_kind={},
        real_by_view={"half": masks},
        sights={
            name: known(0.02)
            for name in ("bare", "masked", "painted", "real masked", "real painted")
        },
        swap=None,
        large=None,
        scenes=None,
        scenes_held_back=False,
    )


@pytest.fixture
def scenes():
    operation = Operation(0.5, 0.08, 0.05, 0.2, known(0.93), known(0.9))
    stray = StrayBox("a", (0.0, 0.0, 9.0, 9.0), 0.4, 0.0, None)
    sizes = {"32-48": SizeRecall(0.7, 10, 0.6, 20)}
    strays = [stray, dataclasses.replace(stray, face=True)]
    missed = [LabelledFace("a", stray.box, 40.0, True, 0.0, 0.0)] * 3
    three = (operation, operation, operation)
    return SceneScore(9, 40, 60, *three, sizes, missed, 2, 1, 0.8, strays, {"a": (37, 40)})


def reached(report):
    rows = goal_table(report).splitlines()[2:]
    return [row.split("|")[-2].strip() for row in rows]


def test_each_goal_says_whether_it_is_reached(report):
    expected = [
        "must",
        "aim",
        "must",
        "aim",
        "no",
        "aim",
        "must",
        "",
        "must",
        "must",
        "must",
        "aim",
    ]

    assert reached(report) == expected


def test_what_was_not_measured_is_said(report):
    bare = dataclasses.replace(
        report, real=None, bare=None, sights={}, landmarks={"lips and jaw": None}
    )

    assert goal_table(bare).count("not measured") == 5


def test_the_recall_is_that_of_the_quiet_detector(report, scenes):
    assert reached(dataclasses.replace(report, scenes=scenes))[7] == "must"


def swap(own=40, swapped=23.6, sharpness=0.9):
    hole_and_sharpness = known(23.8), known(swapped), known(sharpness)
    return SwapReport(40, 1.0, *hole_and_sharpness, own, known(0.8), known(0.5))


def large(**served):
    ways = {SERVED: {**MARKS, **served}, LIFTED: MARKS}
    marks = {way: {name: known(own[name]) for name in own} for way, own in ways.items()}
    return LargeReport(4, 1.5, marks, {SERVED: 3.21})


@pytest.mark.parametrize(
    ("measured", "expected"),
    [
        (swap(), ["must"] * 3),
        (swap(own=39), ["no", "must", "must"]),
        (swap(swapped=23.2), ["must", "no", "must"]),
        (swap(sharpness=0.84), ["must", "must", "no"]),
    ],
)
def test_swaps_have_goals_where_they_were_measured(report, measured, expected):
    assert reached(dataclasses.replace(report, swap=measured))[12:] == expected


def test_persons_who_were_not_swapped_count_as_not_like_the_reference(report):
    nobody = SwapReport(40, 0.0, None, None, None, 0, None, None)

    assert reached(dataclasses.replace(report, swap=nobody))[12:] == ["no"]


@pytest.mark.parametrize(
    ("served", "expected"),
    [
        ({"sharpness": 1.01, "detail": 0.31}, ["must"] * 3),
        ({}, ["no", "no", "must"]),
        ({"sharpness": 1.01, "detail": 0.31, "ssim": 0.939}, ["must", "must", "no"]),
    ],
)
def test_large_faces_must_be_sharper_than_enlarged_ones_and_as_like(report, served, expected):
    assert reached(dataclasses.replace(report, large=large(**served)))[12:] == expected


def test_the_report_names_views_landmarks_judge_and_compute(report):
    text = to_markdown(report)

    assert "| profile | 3 |" in text
    assert "| real, half | 3 |" in text
    assert "| lips and jaw | 0.0700 (0.0700 to 0.0700) |" in text
    assert "in 50.0% a mask is taken for worn" in text
    assert "| real masks, painted | 0.020 (0.020 to 0.020) |" in text
    assert "| a face: all but crop | 5.50 | 8.0 |" in text


def test_the_ways_to_enlarge_a_face_stand_side_by_side(report):
    text = to_markdown(dataclasses.replace(report, large=large()))

    assert "4 faces, by 1.50 finer" in text
    assert "all other rows lift it first" in text
    assert "as served 3.2 ms" in text
    assert "| as served | 27.50 (27.50 to 27.50) |" in text


def test_boxes_that_nobody_looked_at_are_said_to_count_as_false(scenes):
    text = scene_section(scenes, held_back=True)

    assert "nobody has looked at 1 of them, and these count as false" in text
    assert "Of 3 missed masked faces, the worst on sheet_missed.jpg, 2 were found" in text
    assert "9 photos, the fifth that training leaves out" in text
    assert "Loose: on a labelled face (IoU from 0.3), but inexact or its second box." in text


def test_the_table_says_if_all_boxes_were_looked_at(scenes):
    seen = dataclasses.replace(scenes, strays=[dataclasses.replace(scenes.strays[0], face=False)])

    assert "all were looked at" in scene_section(seen, held_back=False)
